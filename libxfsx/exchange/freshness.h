#pragma once
// Whether the target of an exchange is still the file that somebody has seen.

#include "inode/inode.h"

#include <xfsx/freshness.h>

namespace xfsx::inline v0 {

/// What the file is now.
Freshness freshness_of(Volume& volume, Inode const& inode);

/// Errors: changed, EBUSY, operand 2, if the target is not what it was.
Result<void> check_fresh(Volume& volume, Inode const& target, Freshness const& was);

/// The same, but only the two times are compared.
Result<void> check_fresh_times(Inode const& target, Freshness const& was);

}  // namespace xfsx::inline v0
