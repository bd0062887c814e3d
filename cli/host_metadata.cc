#include "host_metadata.h"

#include "host_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

constexpr mode_t set_id_bits = 06000;
constexpr mode_t permission_bits = 07777;

bool set_owner(HostTarget const& t, FileStatus const& s) {
  if (t.fd >= 0) return ::fchown(t.fd, s.uid, s.gid) == 0;
  return ::fchownat(t.folder, t.name.c_str(), s.uid, s.gid, AT_SYMLINK_NOFOLLOW) == 0;
}

/// setxattr knows no folder; /proc has a path to an open one, and the name behind it is not
/// followed.
std::string path_of(HostTarget const& t) {
  return fmt::format("/proc/self/fd/{}/{}", t.folder, t.name);
}

int set_attribute(HostTarget const& t, HostAttribute const& a) {
  int const status =
      t.fd >= 0
          ? ::fsetxattr(t.fd, a.name.c_str(), a.value.data(), a.value.size(), 0)
          : ::lsetxattr(path_of(t).c_str(), a.name.c_str(), a.value.data(), a.value.size(), 0);
  return status == 0 ? 0 : errno;
}

/// An ACL that the folder gave the file when it was made, and that the image does not have.
void drop_inherited(HostTarget const& t, std::span<HostAttribute const> attributes) {
  for (char const* name : {"system.posix_acl_access", "system.posix_acl_default"}) {
    bool const wanted =
        std::ranges::find(attributes, name, &HostAttribute::name) != attributes.end();
    // Most files have none, and some filesystems know none.
    if (!wanted && ::fremovexattr(t.fd, name) != 0) continue;
  }
}

timespec host_time(Timestamp const& t) {
  return {static_cast<time_t>(t.seconds), static_cast<long>(t.nanoseconds)};
}

}  // namespace

Result<LeftOut> apply_metadata(HostTarget const& t, FileStatus const& status,
                               std::span<HostAttribute const> attributes) {
  LeftOut left;
  left.owner = !set_owner(t, status);
  mode_t mode = status.mode & permission_bits;
  if (left.owner && (mode & set_id_bits) != 0 && status.type != FileType::directory) {
    // With another owner these bits would give away the rights of that owner.
    left.privileges = true;
    mode &= ~set_id_bits;
  }
  if (t.fd >= 0) drop_inherited(t, attributes);
  for (HostAttribute const& a : attributes) {
    if (int const why = set_attribute(t, a); why != 0) {
      left.attributes.push_back(fmt::format("{} [{}]", a.name, errno_name(why)));
    }
  }
  // Special files were made with their mode, and links have none.
  if (t.fd >= 0 && ::fchmod(t.fd, mode) != 0)
    return host_error(errno, "cannot set the mode", t.name);
  timespec const times[2] = {host_time(status.accessed), host_time(status.modified)};
  int const timed = t.fd >= 0 ? ::futimens(t.fd, times)
                              : ::utimensat(t.folder, t.name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  if (timed != 0) return host_error(errno, "cannot set the times", t.name);
  return left;
}

}  // namespace xfsx::inline v0::cli
