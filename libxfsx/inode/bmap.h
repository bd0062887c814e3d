#pragma once
// The mappings of a fork, whatever its format.
//
// A btree is read level by level: the pointers of one level name all the blocks of the next, which
// are brought in as one batch. Each block is read once, verified (checksum, own address, owner,
// level, first key, neighbours), and the number of blocks is bounded by what the inode says that it
// occupies.

#include "inode/fork.h"
#include "inode/inode.h"

namespace xfsx::inline v0 {

/// All blocks of the btree of a fork, level by level from the one below the root down, each level
/// from left to right: the leaves come last. Empty for a fork of another format. Errors: bad_value,
/// bad_crc, io, each located, with the inode as owner.
Result<std::vector<BufferRef>> bmbt_blocks(Volume& volume, Inode const& inode, ForkKind kind);

/// How many blocks the mappings in the leaves among `blocks` (what bmbt_blocks returned) hold. The
/// mappings are checked, and are as many as the inode says. Errors: bad_value.
Result<BlockCount> mapped_by_leaves(Volume& volume, Inode const& inode, ForkKind kind,
                                    std::span<BufferRef const> blocks);

/// All mappings of a fork in file order; none for a fork that holds data, or a btree of a realtime
/// group. Errors: those of bmbt_blocks; bad_value for a mapping that is out of order or points
/// outside (field startblock).
Result<std::vector<Mapping>> collect_mappings(Volume& volume, Inode const& inode, ForkKind kind);

/// Hands the mappings of a fork to `visit`, in file order, until it returns false. All of them have
/// been checked before the first. Errors: those of collect_mappings.
template <class Visit>
Result<void> for_each_mapping(Volume& volume, Inode const& inode, ForkKind kind, Visit visit) {
  XFSX_TRY(std::vector<Mapping> const mappings, collect_mappings(volume, inode, kind));
  for (Mapping const& m : mappings) {
    if (!visit(m)) break;
  }
  return success();
}

}  // namespace xfsx::inline v0
