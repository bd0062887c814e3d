#pragma once
// Targets of symbolic links, in the inode or in blocks of their own.

#include "inode/bmap.h"

#include <string>

namespace xfsx::inline v0 {

/// The target of a symbolic link, raw bytes. Errors: refused EINVAL if `inode` is no link;
/// bad_value and bad_crc of the inode and the blocks.
Result<std::string> read_symlink(Volume& volume, Inode const& inode);

}  // namespace xfsx::inline v0
