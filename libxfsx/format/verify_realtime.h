#pragma once
// Blocks of the realtime section and of the files that describe it.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

/// The superblock of the realtime section, on its device.
extern BlockKind const rt_superblock_kind;
/// Blocks of the files of a realtime group.
extern BlockKind const rt_bitmap_kind;
extern BlockKind const rt_summary_kind;

/// The same without groups: nothing but words.
extern BlockKind const plain_rt_bitmap_kind;
extern BlockKind const plain_rt_summary_kind;

/// Checks the counters of a block of the summary that has no header. Errors: bad_value.
Result<void> verify_plain_summary(ConstBytes block, BlockContext const& context);

}  // namespace xfsx::inline v0
