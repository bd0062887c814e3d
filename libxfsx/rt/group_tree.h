#pragma once
// The btrees of a realtime group: each is rooted in a file of the tree of metadata files.

#include "inode/inode.h"

namespace xfsx::inline v0 {

/// The file of `type` (a btree) of a realtime group, by its name in the tree of metadata files.
/// Errors: refused ENOENT if there is none; bad_value for a file of another type or group; those of
/// reading directories and inodes.
Result<Inode> find_group_tree(Volume& volume, u32 group, disk::MetaType type);

}  // namespace xfsx::inline v0
