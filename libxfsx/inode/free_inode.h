#pragma once
// An inode that holds nothing any more becomes free.

#include "ag/space.h"
#include "inode/inode.h"

namespace xfsx::inline v0 {

/// Makes the private copy of an inode, which is on its unlinked list and whose forks are empty, a
/// free inode, and takes it off the list. Where its whole chunk is free then, the transaction has
/// nothing of its inodes any more. Errors: bad_value (field nblocks) if it still has blocks; those
/// of take_off_unlinked_list and free_in_trees.
Result<void> free_inode(Transaction& txn, Space& space, Inode const& inode, Bytes copy);

}  // namespace xfsx::inline v0
