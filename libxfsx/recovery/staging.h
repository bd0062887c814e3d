#pragma once
// Blocks that were taken for copies on write and belonged to no file yet when the machine went
// down. Only the btree of reference counts knows them.

#include "recovery/workbench.h"

namespace xfsx::inline v0 {

/// Frees all of them, AG by AG and realtime group by group, in transactions that `bench` takes.
/// Returns how many. Nothing without reflink. Errors: bad_value where counts, reverse mappings and
/// free space do not agree; those of reading; refused ENOSPC.
Result<BlockCount> free_staging(Workbench& bench);

}  // namespace xfsx::inline v0
