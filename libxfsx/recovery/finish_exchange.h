#pragma once
// The rest of an exchange of mappings that had begun (XMI, SXI): from where it had come to the end,
// in one transaction. Sizes afterwards are those that the intent has; Linux computes them anew from
// inodes that may have grown on the way, and gets them wrong where they differ.

#include "recovery/finish.h"

namespace xfsx::inline v0 {

/// Errors: bad_value of the intent for flags, ranges or sizes that cannot be.
Result<void> check_exchange(Volume& volume, Intent const& intent);

/// Exchanges what is left, and leaves what follows: reverse mappings, and forks that fit their
/// inodes. Errors: bad_value of the intent for inodes that are others by now; refused ENOSPC; those
/// of reading.
Result<void> finish_exchange(Finishing& finishing, Intent const& intent);

}  // namespace xfsx::inline v0
