#include "device/holders.h"

#include "device/unique_fd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libmount/libmount.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

namespace xfsx::inline v0 {

namespace {

namespace fs = std::filesystem;

struct FreeTable {
  void operator()(libmnt_table* table) const { ::mnt_unref_table(table); }
};
struct FreeIterator {
  void operator()(libmnt_iter* iterator) const { ::mnt_free_iter(iterator); }
};

bool is_device(char const* path, dev_t device) {
  struct stat status{};
  return path != nullptr && path[0] == '/' && ::stat(path, &status) == 0 &&
         S_ISBLK(status.st_mode) && status.st_rdev == device;
}

/// Where a block device is mounted; empty if nowhere. Filesystems on several devices have a number
/// of their own, so the source counts too.
std::string mount_point(dev_t device) {
  std::unique_ptr<libmnt_table, FreeTable> const table(
      ::mnt_new_table_from_file("/proc/self/mountinfo"));
  std::unique_ptr<libmnt_iter, FreeIterator> const iterator(::mnt_new_iter(MNT_ITER_FORWARD));
  if (!table || !iterator) return {};
  libmnt_fs* mount = nullptr;
  while (::mnt_table_next_fs(table.get(), iterator.get(), &mount) == 0) {
    if (::mnt_fs_get_devno(mount) != device && !is_device(::mnt_fs_get_srcpath(mount), device)) {
      continue;
    }
    char const* const target = ::mnt_fs_get_target(mount);
    return target == nullptr ? "" : target;
  }
  return {};
}

std::vector<fs::path> entries(fs::path const& directory) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    found.push_back(it->path());
  }
  return found;
}

std::string first_line(fs::path const& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

/// True if the loop device works on the file or device that `status` describes.
bool loop_backs(fs::path const& sys_loop, struct stat const& status) {
  std::error_code error;
  if (!fs::exists(sys_loop / "loop/backing_file", error)) return false;
  fs::path const node = "/dev" / sys_loop.filename();
  loop_info64 info{};
  UniqueFd const fd(::open(node.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd && ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) == 0) {
    if (S_ISBLK(status.st_mode)) return info.lo_rdevice != 0 && info.lo_rdevice == status.st_rdev;
    return info.lo_device == status.st_dev && info.lo_inode == status.st_ino;
  }
  // Without the right to ask the device: by the name that it was given.
  struct stat backing{};
  std::string const path = first_line(sys_loop / "loop/backing_file");
  if (path.empty() || ::stat(path.c_str(), &backing) != 0) return false;
  if (S_ISBLK(status.st_mode)) return S_ISBLK(backing.st_mode) && backing.st_rdev == status.st_rdev;
  return backing.st_dev == status.st_dev && backing.st_ino == status.st_ino;
}

std::optional<Holder> loop_over(struct stat const& status) {
  for (fs::path const& sys_loop : entries("/sys/block")) {
    if (!sys_loop.filename().native().starts_with("loop") || !loop_backs(sys_loop, status))
      continue;
    std::string name = "/dev/" + sys_loop.filename().native();
    struct stat loop{};
    std::string const target = ::stat(name.c_str(), &loop) == 0 ? mount_point(loop.st_rdev) : "";
    if (!target.empty()) name += " on " + target;
    return Holder{"in use by a loop device", name};
  }
  return std::nullopt;
}

std::optional<Holder> holder_of_device(dev_t device) {
  if (std::string target = mount_point(device); !target.empty()) {
    return Holder{"the device is mounted", std::move(target)};
  }
  fs::path const sys = fmt::format("/sys/dev/block/{}:{}", major(device), minor(device));
  for (fs::path const& holder : entries(sys / "holders")) {
    return Holder{"the device is held", holder.filename().native()};
  }
  struct stat status{};
  status.st_mode = S_IFBLK;
  status.st_rdev = device;
  return loop_over(status);
}

std::optional<Holder> holder_of_partitions(dev_t disk) {
  std::error_code error;
  for (fs::path const& part :
       entries(fmt::format("/sys/dev/block/{}:{}", major(disk), minor(disk)))) {
    if (!fs::exists(part / "partition", error)) continue;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    char colon = 0;
    std::ifstream file(part / "dev");
    if (!(file >> major_number >> colon >> minor_number)) continue;
    std::optional<Holder> holder = holder_of_device(makedev(major_number, minor_number));
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
