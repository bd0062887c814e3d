#pragma once
// The blocks of an attribute fork by their offset in it, which is how they name each other.

#include "format/mapping.h"
#include "inode/inode.h"

#include <span>
#include <vector>

namespace xfsx::inline v0 {

class ForkMap {
 public:
  /// Reads all mappings; none for a fork that is not there or lies in the inode. Errors: those of
  /// collect_mappings.
  static Result<ForkMap> read(Volume& volume, Inode const& inode);

  [[nodiscard]] std::span<Mapping const> mappings() const { return mappings_; }

  /// Where block `offset` of the fork lies. Errors: bad_value (field valueblk) for a hole.
  [[nodiscard]] Result<FsBlock> at(u32 offset) const;

  /// The location of a block of the fork, with the inode as owner.
  [[nodiscard]] Location located_at(FsBlock block) const;

 private:
  ForkMap(Geometry const& geometry, Inode const& inode) : geometry_(geometry), inode_(inode) {}

  Geometry const& geometry_;
  Inode const& inode_;
  std::vector<Mapping> mappings_;
};

/// A verified block of the attribute fork of `inode`, whatever its role. Errors: io, truncated,
/// bad_crc, bad_value (another owner), each located.
Result<BufferRef> load_attr_block(Volume& volume, Inode const& inode, FsBlock at);

}  // namespace xfsx::inline v0
