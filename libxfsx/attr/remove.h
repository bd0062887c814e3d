#pragma once
// Removing an attribute. In the inode the list closes up, and the fork goes with its last
// attribute where Linux lets it go. In a leaf names and values are packed anew at the end, so what
// is free is one run, and what earlier removals left lying about is forgotten; the hashes in the
// nodes above follow.

#include "attr/lookup.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Removes an attribute of `inode`, whose private copy is `copy`; other parts of the inode may have
/// been changed there, but none of its attributes in this transaction. False if there is no such
/// attribute. Not for parent pointers, which have to agree with directories. Errors: those of
/// for_each_attribute and find_in_tree; those of free_fork_block.
Result<bool> remove_attribute(Transaction& txn, Inode const& inode, Bytes copy,
                              AttributeName const& which);

/// Takes an attribute out of a fork in short form; pure. False if there is none. Errors: bad_value.
Result<bool> remove_from_short_form(Bytes fork, Location const& where, AttributeName const& which);

/// Lays a leaf out in `leaf` as `old` is without entry `gone`; pure. Errors: bad_value.
Result<void> pack_leaf_without(u32 gone, ConstBytes old, Bytes leaf, Location const& where);

}  // namespace xfsx::inline v0
