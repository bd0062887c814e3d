#include "device/holders.h"

#include "device/host_files.h"
#include "device/mount_table.h"
#include "device/unique_fd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <cstdio>

namespace xfsx::inline v0 {

namespace {

/// True if the loop device called `name` works on the file or device that `status` describes.
bool loop_backs(std::string const& name, struct stat const& status) {
  std::string backing_path = host_text("/sys/block/" + name + "/loop/backing_file");
  if (backing_path.empty()) return false;
  loop_info64 info{};
  UniqueFd const fd(::open(("/dev/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (fd && ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) == 0) {
    if (S_ISBLK(status.st_mode)) return info.lo_rdevice != 0 && info.lo_rdevice == status.st_rdev;
    return info.lo_device == status.st_dev && info.lo_inode == status.st_ino;
  }
  // Without the right to ask the device: by the name that it was given.
  if (backing_path.ends_with('\n')) backing_path.pop_back();
  struct stat backing{};
  if (::stat(backing_path.c_str(), &backing) != 0) return false;
  if (S_ISBLK(status.st_mode)) return S_ISBLK(backing.st_mode) && backing.st_rdev == status.st_rdev;
  return backing.st_dev == status.st_dev && backing.st_ino == status.st_ino;
}

std::optional<Holder> loop_over(struct stat const& status) {
  for (std::string const& loop_name : host_names("/sys/block")) {
    if (!loop_name.starts_with("loop") || !loop_backs(loop_name, status)) continue;
    std::string name = "/dev/" + loop_name;
    struct stat loop{};
    std::string const target = ::stat(name.c_str(), &loop) == 0 ? mount_point(loop.st_rdev) : "";
    if (!target.empty()) name += " on " + target;
    return Holder{"in use by a loop device", name};
  }
  return std::nullopt;
}

std::string sys_directory(dev_t device) {
  return fmt::format("/sys/dev/block/{}:{}/", major(device), minor(device));
}

std::optional<Holder> holder_of_device(dev_t device) {
  if (std::string target = mount_point(device); !target.empty()) {
    return Holder{"the device is mounted", std::move(target)};
  }
  for (std::string& name : host_names(sys_directory(device) + "holders")) {
    return Holder{"the device is held", std::move(name)};
  }
  struct stat status{};
  status.st_mode = S_IFBLK;
  status.st_rdev = device;
  return loop_over(status);
}

std::optional<Holder> holder_of_partitions(dev_t disk) {
  std::string const sys = sys_directory(disk);
  for (std::string const& name : host_names(sys)) {
    if (host_text(sys + name + "/partition").empty()) continue;
    unsigned numbers[2] = {};
    std::string const text = host_text(sys + name + "/dev");
    if (std::sscanf(text.c_str(), "%u:%u", &numbers[0], &numbers[1]) != 2) continue;
    std::optional<Holder> holder = holder_of_device(makedev(numbers[0], numbers[1]));
    if (holder) return holder;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Holder> find_holder(struct stat const& status) {
  if (!S_ISBLK(status.st_mode)) return loop_over(status);
  std::optional<Holder> holder = holder_of_device(status.st_rdev);
  return holder ? holder : holder_of_partitions(status.st_rdev);
}

}  // namespace xfsx::inline v0
