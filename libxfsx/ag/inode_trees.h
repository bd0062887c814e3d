#pragma once
// Inodes given back to their AG: the btree of chunks, the one of chunks with free inodes, the
// counts of the AG and of the filesystem. A chunk that has no inode in use any more goes back to
// free space, as Linux does it unless it is told to keep chunks.

#include "ag/space.h"

namespace xfsx::inline v0 {

/// Marks an inode free. Returns the first inode of its chunk if the whole chunk went with it, whose
/// clusters are released: what the transaction has of its inodes then means nothing. The
/// superblock's counts have to be those of the AGs. Errors: bad_value for an inode that is free or
/// has no chunk, and where btrees and counts do not agree; refused ENOSPC; those of reading.
Result<std::optional<AgInode>> free_in_trees(Transaction& txn, Space& space, InodeNumber ino);

}  // namespace xfsx::inline v0
