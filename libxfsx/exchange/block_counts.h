#pragma once
// What di_nblocks says while forks change places.

#include "exchange/edited_file.h"

namespace xfsx::inline v0 {

/// Counts out the blocks of the fork that a file gives away, and in those of the fork that it gets;
/// those of its other fork stay. Errors: bad_value field nblocks, with the operand, where it counts
/// fewer blocks than the fork has.
Result<void> move_blocks(EditedFile const& file, u64 own, u64 gained, u8 operand);

}  // namespace xfsx::inline v0
