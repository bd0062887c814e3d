#pragma once
// Blocks that were to be freed (EFI, EFI_RT). Whose they were is not known: what reverse mappings
// say of them goes, whatever it is; that there are none is right too.

#include "recovery/finish.h"

namespace xfsx::inline v0 {

/// Errors: bad_value of the intent for blocks that nobody can free.
Result<void> check_free(Volume& volume, Intent const& intent);

/// Frees extents that were checked. Errors: bad_value for blocks that are free already, or that
/// reverse mappings give to several owners or only in part; refused EOPNOTSUPP for blocks of zones;
/// those of reading.
Result<void> free_extents(Workbench& bench, FreeWork const& work);

}  // namespace xfsx::inline v0
