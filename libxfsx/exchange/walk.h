#pragma once
// The exchange that moves mappings between two files, or within one, where whole forks cannot
// change places: for ranges, for written blocks alone, and for forks that do not fit the other
// inode as they are.

#include "exchange/edited_file.h"
#include "exchange/mapping_walk.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

struct WalkRules {
  bool written_only = false;  ///< only where the first file has written blocks
  BlockCount unit{1};         ///< allocation unit of both files
};

/// Exchanges what lies in `range`: mappings, block counts, btrees, reverse mappings, free space.
/// Sizes and flags are the caller's. `second` may be the same file, whose ranges then do not
/// overlap. How many mapped blocks `first` has more than before. Errors, with the operand where it
/// is one file's: those of reading; refused ENOSPC.
Result<s64> walk_mappings(Transaction& txn, EditedFile const& first, EditedFile const& second,
                          BlockRange const& range, WalkRules const& rules);

}  // namespace xfsx::inline v0
