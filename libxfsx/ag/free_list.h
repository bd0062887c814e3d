#pragma once
// The free list of an AG: blocks put by for its own btrees.

#include "txn/volume.h"

#include <vector>

namespace xfsx::inline v0 {

/// The blocks on the free list of AG `ag`, which must exist, in the order of the list. Errors:
/// those of loading the headers; bad_value for a slot in use that names no block of the AG.
Result<std::vector<AgBlock>> free_list_blocks(Volume& volume, AgNumber ag);

}  // namespace xfsx::inline v0
