#pragma once
// Adding an attribute: to the list in the inode as long as that has room, otherwise to a leaf, and
// from one leaf to a tree of them. A value that would fill most of a leaf has blocks of its own.

#include "attr/lookup.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Adds an attribute to `inode`, whose private copy is `copy`; none of its attributes has been
/// changed in this transaction, and it has none of that name. The value is of at most 64 KiB, the
/// name of 1 to 255 bytes. Errors: refused ENOSPC, EFBIG; refused EOPNOTSUPP for an inode without
/// attribute fork whose data fork is a btree; bad_value; those of reading.
Result<void> add_attribute(Transaction& txn, Inode const& inode, Bytes copy,
                           AttributeName const& name, ConstBytes value);

}  // namespace xfsx::inline v0
