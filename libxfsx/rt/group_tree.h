#pragma once
// What describes a realtime group: files of the tree of metadata files, some of which are roots of
// btrees.

#include "inode/inode.h"

namespace xfsx::inline v0 {

/// The file of `type` of a realtime group: its bitmap, its summary, or one of its btrees, by its
/// name in the tree of metadata files. Errors: refused ENOENT if there is none; bad_value for a
/// file of another type or group; those of reading directories and inodes.
Result<Inode> find_group_file(Volume& volume, u32 group, disk::MetaType type);

/// The same for its btrees.
inline Result<Inode> find_group_tree(Volume& volume, u32 group, disk::MetaType type) {
  return find_group_file(volume, group, type);
}

}  // namespace xfsx::inline v0
