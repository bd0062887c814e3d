// Mounts by libmount, which is loaded when it is first asked: an image that no loop device uses has
// no use for it, and it brings three more libraries along, a tenth of the time that a whole
// exchange takes.

#include "device/mount_table.h"

#include "device/host_library.h"

#include <libmount/libmount.h>
#include <sys/stat.h>

#include <memory>

namespace xfsx::inline v0 {

namespace {

constexpr char const* library_name = "libmount.so.1";

/// The calls of libmount that are needed, under their names.
struct Libmount {
  decltype(&::mnt_new_table_from_file) new_table_from_file = nullptr;
  decltype(&::mnt_unref_table) unref_table = nullptr;
  decltype(&::mnt_new_iter) new_iter = nullptr;
  decltype(&::mnt_free_iter) free_iter = nullptr;
  decltype(&::mnt_table_next_fs) table_next_fs = nullptr;
  decltype(&::mnt_fs_get_devno) fs_get_devno = nullptr;
  decltype(&::mnt_fs_get_srcpath) fs_get_srcpath = nullptr;
  decltype(&::mnt_fs_get_target) fs_get_target = nullptr;
};

bool find_all(HostLibrary const& library, Libmount& mnt) {
  return find_call(library, "mnt_new_table_from_file", mnt.new_table_from_file) &&
         find_call(library, "mnt_unref_table", mnt.unref_table) &&
         find_call(library, "mnt_new_iter", mnt.new_iter) &&
         find_call(library, "mnt_free_iter", mnt.free_iter) &&
         find_call(library, "mnt_table_next_fs", mnt.table_next_fs) &&
         find_call(library, "mnt_fs_get_devno", mnt.fs_get_devno) &&
         find_call(library, "mnt_fs_get_srcpath", mnt.fs_get_srcpath) &&
         find_call(library, "mnt_fs_get_target", mnt.fs_get_target);
}

bool is_device(char const* path, dev_t device) {
  struct stat status{};
  return path != nullptr && path[0] == '/' && ::stat(path, &status) == 0 &&
         S_ISBLK(status.st_mode) && status.st_rdev == device;
}

std::string find_mount(Libmount const& mnt, dev_t device) {
  std::unique_ptr<libmnt_table, decltype(mnt.unref_table)> const table(
      mnt.new_table_from_file("/proc/self/mountinfo"), mnt.unref_table);
  std::unique_ptr<libmnt_iter, decltype(mnt.free_iter)> const iterator(
      mnt.new_iter(MNT_ITER_FORWARD), mnt.free_iter);
  if (!table || !iterator) return {};
  libmnt_fs* mount = nullptr;
  while (mnt.table_next_fs(table.get(), iterator.get(), &mount) == 0) {
    // Filesystems on several devices have a number of their own, so the source counts too.
    if (mnt.fs_get_devno(mount) != device && !is_device(mnt.fs_get_srcpath(mount), device)) {
      continue;
    }
    char const* const target = mnt.fs_get_target(mount);
    return target == nullptr ? "" : target;
  }
  return {};
}

}  // namespace

std::string mount_point(dev_t device) {
  HostLibrary const library = load_library(library_name);
  Libmount mnt;
  // Without it O_EXCL still keeps a mounted device from being opened; only its name is missing.
  if (!library || !find_all(library, mnt)) return {};
  return find_mount(mnt, device);
}

}  // namespace xfsx::inline v0
