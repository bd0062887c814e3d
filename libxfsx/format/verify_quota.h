#pragma once
// Blocks of quota files.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

/// Dquots from the start of a block on, as many as fit. Each has a checksum and an LSN of its own,
/// so the kind has none. Whose file it is decides how the block is logged: here it stands for any.
extern BlockKind const dquot_kind;

/// Dquots of a block.
u32 dquots_per_block(Geometry const& geometry);

/// Checks one dquot by itself, of which nothing else is known: checksum, identity, version, type,
/// and that timers run where a soft limit is exceeded. `record`: its 136 bytes. Pure. Errors:
/// bad_crc, bad_value with the field.
Result<void> verify_dquot(ConstBytes record, BlockContext const& context);

}  // namespace xfsx::inline v0
