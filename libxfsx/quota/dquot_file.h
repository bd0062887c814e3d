#pragma once
// The quota file of one kind, and the dquots in it by their ids.

#include "format/mapping.h"
#include "format/quota.h"
#include "txn/transaction.h"

#include <optional>
#include <vector>

namespace xfsx::inline v0 {

class DquotFile {
 public:
  /// Finds the file of a kind through the superblock or the tree of metadata files; nothing if
  /// there is none. Errors: those of reading an inode and its mappings; bad_value if it can be no
  /// quota file.
  static Result<std::optional<DquotFile>> open(Volume& volume, QuotaForm const& form);

  /// The private copy of the record of `id`, which has passed its checks; nothing where the file
  /// has a hole. Errors: those of reading a block; bad_value for the record of another.
  Result<std::optional<Bytes>> edit(Transaction& txn, u32 id) const;

 private:
  DquotFile(QuotaForm const& form, InodeNumber inode, std::vector<Mapping> mappings)
      : form_(&form), inode_(inode), mappings_(std::move(mappings)) {}

  QuotaForm const* form_;
  InodeNumber inode_;
  std::vector<Mapping> mappings_;
};

}  // namespace xfsx::inline v0
