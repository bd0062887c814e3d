#pragma once

#include <sys/types.h>

#include <string>

namespace xfsx::inline v0 {

/// Where a block device is mounted, as this process sees the mounts; empty if nowhere.
std::string mount_point(dev_t device);

}  // namespace xfsx::inline v0
