#pragma once
// Reference counts that were to be changed (CUI, CUI_RT).

#include "recovery/finish.h"

namespace xfsx::inline v0 {

/// Errors: bad_value of the intent for flags or blocks that cannot be.
Result<void> check_refcount(Volume& volume, Intent const& intent);

/// Changes the counts, in one transaction, and leaves blocks that have no owner any more to be
/// freed. Errors: refused ENOSPC; bad_value where the tree does not agree; those of reading.
Result<void> finish_refcount(Finishing& finishing, Intent const& intent);

}  // namespace xfsx::inline v0
