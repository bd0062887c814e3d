#pragma once
// A data fork lifted out of its inode, to be set down in another. The records of a btree stay where
// they are; only its root moves, laid out again for the other inode's fork area, and every block of
// the btree gets a new owner.

#include "exchange/mapping_walk.h"
#include "inode/inode.h"
#include "txn/transaction.h"

#include <vector>

namespace xfsx::inline v0 {

struct DataFork {
  disk::ForkFormat format = disk::ForkFormat::extents;
  u64 extents = 0;
  u64 blocks = 0;  ///< blocks mapped and blocks of the btree: the fork's part of di_nblocks
  std::vector<std::byte> records;         ///< extents: packed mappings
  u16 level = 0;                          ///< btree: level of the root
  std::vector<std::byte> keys, pointers;  ///< btree: of the root
  std::vector<BufferRef> btree;           ///< btree: every block below the root
};

/// Reads and checks the whole data fork. Errors: those of reading; refused EOPNOTSUPP for a format
/// that no regular file has.
Result<DataFork> lift_data_fork(Volume& volume, Inode const& inode);

/// Whether the fork can lie in an area of `area` bytes as it is. Errors, refused EOPNOTSUPP by
/// name: it does not fit, or Linux would call a btree with so few mappings damaged.
Result<void> check_fits(DataFork const& fork, u32 area);

/// Writes format, extent counter and contents of the fork into a private copy of an inode.
void set_data_fork(DataFork const& fork, Bytes inode, u32 area);

/// Makes `owner` the owner of every btree block of the fork, in private copies.
Result<void> adopt_btree(Transaction& txn, DataFork const& fork, InodeNumber owner);

}  // namespace xfsx::inline v0
