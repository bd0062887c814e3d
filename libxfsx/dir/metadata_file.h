#pragma once
// Files in the tree of metadata files, by their names.

#include "dir/directory.h"

namespace xfsx::inline v0 {

/// The file `name`, which is of `type`, in the directory `directory` of the tree; nothing if either
/// is not there. The filesystem has such a tree. Errors: those of reading directories and inodes;
/// bad_value field metatype for a file of another type, or of a user.
Result<std::optional<Inode>> find_metadata_file(Volume& volume, std::string_view directory,
                                                std::string_view name, disk::MetaType type);

}  // namespace xfsx::inline v0
