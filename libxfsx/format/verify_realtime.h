#pragma once
// Blocks of the realtime section and of the files that describe it.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

/// The superblock of the realtime section, on its device.
extern BlockKind const rt_superblock_kind;
/// Blocks of the files of a realtime group.
extern BlockKind const rt_bitmap_kind;
extern BlockKind const rt_summary_kind;

}  // namespace xfsx::inline v0
