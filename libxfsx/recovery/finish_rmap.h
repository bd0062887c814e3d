#pragma once
// Reverse mappings that were to be changed (RUI, RUI_RT).

#include "recovery/finish.h"

namespace xfsx::inline v0 {

/// Errors: bad_value of the intent for flags, owners, blocks or offsets that cannot be.
Result<void> check_rmap(Volume& volume, Intent const& intent);

/// Changes reverse mappings of AGs, or of realtime groups, in order, in one transaction. Nothing
/// without such trees. Errors: refused ENOSPC; bad_value where the trees do not agree; those of
/// reading.
Result<void> change_rmaps(Workbench& bench, RmapWork const& work);

}  // namespace xfsx::inline v0
