#pragma once
// Blocks of quota files.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

/// Dquots from the start of a block on, as many as fit. Each has a checksum and an LSN of its own,
/// so the kind has none: whoever changes a dquot stamps it.
extern BlockKind const dquot_kind;

/// The same in the file of one kind of quota, which decides how the block is logged.
extern BlockKind const user_dquot_kind;
extern BlockKind const group_dquot_kind;
extern BlockKind const project_dquot_kind;

/// Dquots of a block.
u32 dquots_per_block(Geometry const& geometry);

/// Checks one dquot by itself, of which nothing else is known: checksum, identity, version, type,
/// and that timers run where a soft limit is exceeded. `record`: its 136 bytes. Pure. Errors:
/// bad_crc, bad_value with the field.
Result<void> verify_dquot(ConstBytes record, BlockContext const& context);

/// Checks that a dquot is the one of `id` in a file whose dquots are of `type`. Errors: bad_value.
Result<void> verify_dquot_owner(ConstBytes record, BlockContext const& context, u8 type, u32 id);

}  // namespace xfsx::inline v0
