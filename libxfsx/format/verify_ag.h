#pragma once
// The headers of an allocation group as block kinds.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

/// The superblock as a logged buffer: its numbers were checked when the geometry was made.
extern BlockKind const superblock_kind;
extern BlockKind const agf_kind;
extern BlockKind const agi_kind;
extern BlockKind const agfl_kind;

/// Slots of an AGFL: what fits a sector behind the header, if it has one.
u32 agfl_slots(Geometry const& geometry);

}  // namespace xfsx::inline v0
