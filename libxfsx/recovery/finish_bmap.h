#pragma once
// A mapping of a file that was to be made or removed (BUI). What is removed goes elsewhere: its
// blocks are not freed, and quota was moved by whoever wrote the intent. Blocks of the mapping
// btree are counted here.

#include "recovery/finish.h"

namespace xfsx::inline v0 {

/// Errors: bad_value of the intent for flags, blocks or offsets that cannot be.
Result<void> check_bmap(Volume& volume, Intent const& intent);

/// Makes or removes the mapping, and leaves what follows for reverse mappings. Errors: bad_value of
/// the intent where the file has other mappings than it should; refused ENOSPC; those of reading.
Result<void> finish_bmap(Finishing& finishing, Intent const& intent);

}  // namespace xfsx::inline v0
