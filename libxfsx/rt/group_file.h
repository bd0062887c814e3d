#pragma once
// The files of a realtime group, in the tree of metadata files: its btrees are rooted in two of
// them, two others say what is free.

#include "inode/inode.h"

namespace xfsx::inline v0 {

/// The file of `type` of a realtime group, by its name in the tree of metadata files. Errors:
/// refused ENOENT if there is none; bad_value for a file of another type or group; those of reading
/// directories and inodes.
Result<Inode> find_group_file(Volume& volume, u32 group, disk::MetaType type);

}  // namespace xfsx::inline v0
