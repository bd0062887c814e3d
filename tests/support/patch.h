#pragma once
// Changes one structure of an image and makes its checksum right again, as somebody would who
// wants the change to be believed.

#include "inode/bmap.h"
#include "support/images.h"

#include <functional>

namespace xfsx::test {

/// The inode number of a path, from the manifest.
InodeNumber ino_of(std::string const& image, std::string const& path);

/// Changes a block of `kind` at `at`.
void patch_block(BlockDevice& disk, BlockKind const& kind, Daddr at, std::size_t size,
                 std::function<void(Bytes)> const& change);

/// Changes an inode, its forks included.
void patch_inode(BlockDevice& disk, InodeNumber ino, std::function<void(Bytes)> const& change);

}  // namespace xfsx::test
