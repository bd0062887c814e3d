#pragma once
// Removing an attribute. In the inode the list closes up, and the fork goes with its last
// attribute where Linux lets it go. In a leaf names and values are packed anew at the end, so what
// is free is one run, and what earlier removals left lying about is forgotten; the hashes in the
// nodes above follow. Blocks that hold nothing any more are freed, and a leaf that is alone and
// whose attributes fit the inode goes back into it.

#include "attr/lookup.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Removes an attribute like remove_attribute, but finds it through the hash tree alone, as
/// recovery must: other blocks of the fork may hold anything as yet. With one whose writing was
/// interrupted go all blocks that belong to no attribute. Parent pointers too. Errors: as there.
Result<bool> remove_by_hash(Transaction& txn, Inode const& inode, Bytes copy,
                            AttributeName const& which);

/// Removes an attribute of `inode`, whose private copy is `copy`; other parts of the inode may have
/// been changed there, but none of its attributes in this transaction. False if there is no such
/// attribute. Not for parent pointers, which have to agree with directories. Errors: those of
/// for_each_attribute, find_in_tree and free_fork_blocks.
Result<bool> remove_attribute(Transaction& txn, Inode const& inode, Bytes copy,
                              AttributeName const& which);

}  // namespace xfsx::inline v0
