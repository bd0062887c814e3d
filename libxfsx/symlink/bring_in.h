#pragma once
// Targets of symbolic links that lay in blocks and fit the inode now.

#include "symlink/symlink.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Lays `target`, which fits, into the data fork of a private copy, and frees the blocks that the
/// fork maps, which hold it so far. Errors: those of reading; bad_value; refused ENOSPC.
Result<void> bring_target_in(Transaction& txn, InodeNumber number, Bytes copy,
                             std::string_view target, std::span<Mapping const> mappings);

}  // namespace xfsx::inline v0
