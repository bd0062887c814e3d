#pragma once
// Attributes that lay in an inode as a list, moved to a leaf of their own where the list has no
// room any more.

#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Makes the attribute fork of a private copy, which is there and maps nothing, map one block with
/// the attributes of `list` (short form). Errors: refused ENOSPC; those of lay_out_leaf.
Result<void> put_list_in_leaf(Transaction& txn, InodeNumber number, Bytes copy, ConstBytes list);

/// Lays the attributes of a list out in a leaf whose header has been written as far as its counts;
/// pure. Errors: bad_value of the list; refused EOPNOTSUPP for more attributes than it holds.
Result<void> lay_out_leaf(ConstBytes list, Bytes leaf, Location const& where);

}  // namespace xfsx::inline v0
