#pragma once
// Changes the mappings of a fork: those in the inode as a list, those in a btree by a batch of
// edits, and from one form to the other where there are too many or so few that the inode must hold
// them. Blocks of the btree are allocated near the file and given back.

#include "inode/fork_store.h"

namespace xfsx::inline v0 {

/// Makes the fork, which holds `before`, hold `after`; both in order, neighbours joined. Extent
/// count, format and the blocks of the btree (in di_nblocks too) follow; blocks that are mapped are
/// the caller's to count. Errors: refused ENOSPC; those of reading; bad_value where the btree does
/// not hold `before`.
Result<void> change_fork(Transaction& txn, Space& space, ForkPlace const& place,
                         std::span<Mapping const> before, std::span<Mapping const> after);

}  // namespace xfsx::inline v0
