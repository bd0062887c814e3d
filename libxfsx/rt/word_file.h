#pragma once
// The bitmap or the summary of realtime space as words of 32 bits, edited inside a transaction.

#include "format/mapping.h"
#include "inode/inode.h"
#include "txn/transaction.h"

#include <optional>
#include <vector>

namespace xfsx::inline v0 {

class WordFile {
 public:
  /// `kind`: of the file's blocks, with a header in front of the words or without. Errors: those of
  /// reading its mappings.
  static Result<WordFile> open(Transaction& txn, Inode const& inode, BlockKind const& kind);

  [[nodiscard]] u64 words_per_block() const;

  /// Errors: bad_value for a word that the file does not have; those of reading.
  Result<u32> get(u64 index);
  Result<void> set(u64 index, u32 value);

  /// An error about the block of a word.
  Error wrong(u64 index, std::string_view field, std::string_view reason,
              std::source_location raised = std::source_location::current()) const;

 private:
  WordFile(Transaction& txn, InodeNumber owner, BlockKind const& kind,
           std::vector<Mapping> mappings)
      : txn_(&txn), owner_(owner), kind_(&kind), mappings_(std::move(mappings)) {}

  [[nodiscard]] Geometry const& geometry() const { return txn_->volume().geometry(); }
  [[nodiscard]] u32 header() const;
  [[nodiscard]] std::optional<Daddr> place(u64 index) const;
  Result<void> load(u64 index);

  Transaction* txn_;
  InodeNumber owner_;
  BlockKind const* kind_;
  std::vector<Mapping> mappings_;
  u64 block_ = ~u64{0};  // the block of the file that `buffer_` is
  BufferRef buffer_;
};

}  // namespace xfsx::inline v0
