#pragma once
// The search for the head and the tail of the log, by the rules of Linux, so that both stop at the
// same record on every image.

#include <xfsx/device.h>

#include "log/log_geometry.h"

namespace xfsx::inline v0 {

/// Finds head and tail and says whether the log is clean. Reads only.
/// Errors: io; bad_value, bad_crc and truncated located by log block where Linux would refuse to
/// mount.
Result<LogState> find_log_head(BlockDevice& device, LogGeometry const& log);

}  // namespace xfsx::inline v0
