#pragma once
// Gives up all that a fork holds.

#include "ag/refcounts.h"
#include "inode/fork.h"
#include "inode/inode.h"

namespace xfsx::inline v0 {

/// Takes all mappings out of a fork in the private copy of its inode, which has not been changed
/// otherwise: the blocks of its btree are free afterwards, the inode counts neither them nor those
/// that were mapped. Returns the mappings, in order, whose blocks are the caller's to free, and
/// their reverse mappings its to remove. None for a fork of another format. Errors: bad_value
/// (field nblocks); refused ENOSPC; those of reading.
Result<std::vector<Mapping>> unmap_fork(Transaction& txn, Space& space, Inode const& inode,
                                        Bytes copy, ForkKind kind);

/// Empties a fork in the private copy of its inode, which has not been changed otherwise: its
/// blocks, those of its btree too, are free afterwards unless other files have them, and have no
/// reverse mapping from it; the fork has no mapping. Data that lay in the inode is left to the
/// caller. The fork's blocks are of the data device. Errors: those of unmap_fork and of Refcounts.
Result<void> drop_fork(Transaction& txn, Space& space, Refcounts& counts, Inode const& inode,
                       Bytes copy, ForkKind kind);

}  // namespace xfsx::inline v0
