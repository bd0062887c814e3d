#pragma once
// What recovery promises of any disk: nothing is written before all is decided, nothing beside the
// filesystem or into its log but log records, and in the end the log is clean. A broken promise
// ends the process.

#include <xfsx/device.h>

namespace xfsx::fuzz {

/// Recovers what is on `disk`, which itself stays as it is.
void check_recovery(BlockDevice& disk, bool salvage);

}  // namespace xfsx::fuzz
