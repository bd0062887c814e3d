#pragma once
// Blocks of a fork that say whose they are: those of directories, symbolic links and attributes.

#include "inode/fork.h"
#include "inode/inode.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Makes `owner` the owner of all blocks that hold metadata in a fork of `inode`, in private
/// copies; "." of a directory in blocks then names `owner` too. Contents of regular files are no
/// metadata. How many blocks these are. Errors: those of reading; bad_value; refused EOPNOTSUPP for
/// a directory block in several pieces.
Result<u64> adopt_metadata(Transaction& txn, Inode const& inode, ForkKind kind, InodeNumber owner);

}  // namespace xfsx::inline v0
