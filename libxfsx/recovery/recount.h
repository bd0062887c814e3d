#pragma once
// The counters of the superblock. Transactions do not log them where they are lazy: after a crash
// they are what the headers of the AGs say together.

#include "recovery/workbench.h"

#include <xfsx/recover.h>

namespace xfsx::inline v0 {

/// What the superblock says. Errors: those of loading it.
Result<SpaceCounters> read_counters(Volume& volume);

/// Makes the superblock say what the AGs do, and that no item in the log needs a feature of its own
/// any more. Errors: those of loading the headers.
Result<void> recount(Workbench& bench);

}  // namespace xfsx::inline v0
