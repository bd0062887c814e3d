#pragma once
// A fork lifted out of its inode, to be set down in another. What lies in the inode moves along;
// the records of a btree stay where they are: only its root moves, laid out again for the other
// inode's fork area, and every block of the btree gets a new owner.

#include "exchange/mapping_walk.h"
#include "inode/fork.h"
#include "inode/inode.h"
#include "txn/transaction.h"

#include <vector>

namespace xfsx::inline v0 {

struct LiftedFork {
  ForkKind kind = ForkKind::data;
  disk::ForkFormat format = disk::ForkFormat::extents;
  u64 extents = 0;
  u64 blocks = 0;  ///< blocks mapped and blocks of the btree: the fork's part of di_nblocks
  /// In the inode: packed mappings, the contents of a local fork, or a device number.
  std::vector<std::byte> inside;
  u16 level = 0;                          ///< btree: level of the root
  std::vector<std::byte> keys, pointers;  ///< btree: of the root
  std::vector<BufferRef> btree;           ///< btree: every block below the root

  /// An attribute fork without attributes, which an inode need not have.
  [[nodiscard]] bool is_empty() const {
    return format == disk::ForkFormat::extents && extents == 0;
  }
};

/// Reads and checks a whole fork. An attribute fork that is not there is an empty one. Errors:
/// those of reading; bad_value; refused EOPNOTSUPP for the btree of a realtime group.
Result<LiftedFork> lift_fork(Volume& volume, Inode const& inode, ForkKind kind);

/// Whether the fork can lie in an area of `area` bytes as it is. Errors, refused EOPNOTSUPP by
/// name: it does not fit, or Linux would call a btree with so few mappings damaged.
Result<void> check_fits(LiftedFork const& fork, u32 area);

/// Writes format, extent counter and contents of the fork into its area of a private copy of an
/// inode, whose forkoff says where that lies.
void set_down(LiftedFork const& fork, Bytes inode);

/// Makes `owner` the owner of every btree block of the fork, in private copies.
Result<void> adopt_btree(Transaction& txn, LiftedFork const& fork, InodeNumber owner);

}  // namespace xfsx::inline v0
