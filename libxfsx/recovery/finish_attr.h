#pragma once
// Attributes that were to be set or removed (ATTRI). Where the operation had come to does not
// matter: what it left behind goes, then the attribute is removed or set as if from the start.

#include "recovery/finish.h"

namespace xfsx::inline v0 {

/// Errors: bad_value of the intent for operations, names or values that cannot be.
Result<void> check_attr(Volume& volume, Intent const& intent);

/// Removes and sets, in a transaction each. Reverse mappings agree with the forks by now. Errors:
/// bad_value of the intent for an inode that is another one by now; those of add_attribute and
/// remove_by_hash.
Result<void> finish_attr(Finishing& finishing, Intent const& intent);

}  // namespace xfsx::inline v0
