#pragma once
// Who uses a block device or an image file at the moment: mounts, loop devices, device mapper.

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

namespace xfsx::inline v0 {

struct Holder {
  std::string_view reason;  ///< "the device is mounted"
  std::string name;         ///< a mount point, "/dev/loop3", "dm-0"
};

/// The first user found of what `status` describes. Looks at mounts of this mount namespace, at
/// loop devices, at holders in /sys, and at the partitions of a disk.
std::optional<Holder> find_holder(struct stat const& status);

}  // namespace xfsx::inline v0
