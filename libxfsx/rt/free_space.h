#pragma once
// Free space of realtime groups: a bitmap with a bit for each realtime extent, set if it is free,
// and a summary, which counts free runs by the log2 of their length and by the block of the bitmap
// in which they begin. Both are metadata files of the group.

#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Makes whole realtime extents of one group, which exist, free in private copies: in bitmap and
/// summary, and in the superblock's count. Filesystems with groups only, and no zones. Errors:
/// bad_value for an extent that is free already, or a summary that cannot be; those of
/// find_group_file and of reading.
Result<void> free_realtime_extents(Transaction& txn, FsBlock start, BlockCount length);

}  // namespace xfsx::inline v0
