#pragma once
// Loads the header sectors of an AG.

#include "disk/ag.h"
#include "txn/volume.h"

namespace xfsx::inline v0 {

/// The verified header of AG `ag`, which must exist. Errors: those of BufferCache::load.
Result<BufferRef> load_agf(Volume& volume, AgNumber ag);
Result<BufferRef> load_agi(Volume& volume, AgNumber ag);

}  // namespace xfsx::inline v0
