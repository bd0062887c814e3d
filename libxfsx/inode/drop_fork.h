#pragma once
// Gives up all that a fork holds.

#include "ag/refcounts.h"
#include "inode/fork.h"
#include "inode/inode.h"

namespace xfsx::inline v0 {

/// Empties a fork in the private copy of its inode, which has not been changed otherwise: its
/// blocks, those of its btree too, are free afterwards unless other files have them, and have no
/// reverse mapping from it; the fork has no mapping. Data that lay in the inode is left to the
/// caller. Returns the blocks that the fork had. The fork's blocks are of the data device. Errors:
/// bad_value (field nblocks); refused ENOSPC; those of reading.
Result<BlockCount> drop_fork(Transaction& txn, Space& space, Refcounts& counts, Inode const& inode,
                             Bytes copy, ForkKind kind);

}  // namespace xfsx::inline v0
