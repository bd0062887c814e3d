#pragma once
// Inode chunks of an AG: whether an inode exists, and in which chunk it lies.

#include "txn/volume.h"

namespace xfsx::inline v0 {

/// The first inode of the chunk that `ino` lies in, from the inode btree of its AG.
/// Errors: refused ENOENT if the number is free, lies in the hole of a sparse chunk, or is no
/// inode's at all; those of loading the AGI and the btree blocks.
Result<AgInode> find_inode_chunk(Volume& volume, InodeNumber ino);

}  // namespace xfsx::inline v0
