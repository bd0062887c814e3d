#pragma once
// The reverse mappings of two files whose forks change places. Each record of one file's fork, or
// of a block of its mapping btree, becomes the other's where it stands: owners go round one to one,
// so what could not be one record before cannot after, and nothing is allocated. Where blocks are
// shared, records of several owners begin at one block: those are sorted anew. The keys above
// follow, up to the root.

#include "exchange/lifted_fork.h"
#include "inode/inode.h"
#include "txn/transaction.h"

#include <map>
#include <vector>

namespace xfsx::inline v0 {

/// Where a fork of a file has blocks of the data device, its mapping btree among them.
struct OwnedBlocks {
  /// Blocks of an AG.
  struct Run {
    u64 first = 0, last = 0;
  };
  InodeNumber owner;
  ForkKind kind = ForkKind::data;
  u64 mapped = 0;                        ///< blocks that it maps
  u64 btree = 0;                         ///< blocks of the mapping btree
  std::map<u32, std::vector<Run>> runs;  ///< by AG, in the order of their starts
};

/// Reads all mappings of the fork. Errors: those of collect_mappings.
Result<OwnedBlocks> owned_blocks(Volume& volume, Inode const& inode, LiftedFork const& fork);

/// Gives the reverse mappings of either fork, both of one kind, to the other file, in private
/// copies. Errors: those of reading the trees; bad_value (structure `rmapbt`, operand set) where
/// they do not account for the blocks of a fork.
Result<void> exchange_owners(Transaction& txn, OwnedBlocks const& first, OwnedBlocks const& second);

/// Gives the realtime blocks of either file to the other, in the trees of their groups. It comes
/// after exchange_owners, which reads trees that blocks may be taken from here. Errors: those of
/// change_realtime_rmaps.
Result<void> exchange_realtime_owners(Transaction& txn, Inode const& first, Inode const& second);

}  // namespace xfsx::inline v0
