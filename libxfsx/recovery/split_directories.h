#pragma once
// Directory blocks of several filesystem blocks that do not lie together: the log has an image for
// each piece, and only the first piece has a checksum, which covers all of them. (Linux as of 6.18
// judges the pieces one by one and gives up.)

#include "log/log_geometry.h"
#include "recovery/replayed_blocks.h"

#include <span>

namespace xfsx::inline v0 {

/// Makes the checksums of such blocks right, for the directories among `inodes`. Errors: those of
/// opening the filesystem, of loading the inodes and of reading their mappings.
Result<void> mend_split_directories(ReplayedBlocks& blocks, FurtherDevices const& further,
                                    LogState const& log, Geometry const& geometry,
                                    std::span<u64 const> inodes);

}  // namespace xfsx::inline v0
