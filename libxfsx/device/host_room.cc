#include "device/host_room.h"

#include "base/checked.h"
#include "device/guard.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace xfsx::inline v0 {

namespace {

// How far ahead one question to the host looks: the blocks that an operation writes lie in
// clusters.
constexpr u64 look_ahead = u64{1} << 20;
constexpr u32 most_extents = 64;

/// The extents that the host has for a range: a fiemap header and its array, which C declares as
/// one structure without an end.
class ExtentMap {
 public:
  /// False where the host does not tell.
  bool load(int fd, u64 offset, u64 length) {
    fiemap head;
    std::memset(&head, 0, sizeof head);
    head.fm_start = offset;
    head.fm_length = length;
    head.fm_extent_count = most_extents;
    std::memcpy(memory_.data(), &head, sizeof head);
    if (::ioctl(fd, FS_IOC_FIEMAP, memory_.data()) != 0) return false;
    std::memcpy(&head, memory_.data(), sizeof head);
    count_ = std::min(head.fm_mapped_extents, most_extents);
    return true;
  }
  [[nodiscard]] u32 count() const { return count_; }
  [[nodiscard]] fiemap_extent extent(u32 i) const {
    fiemap_extent e{};
    std::memcpy(&e, memory_.data() + sizeof(fiemap) + i * sizeof e, sizeof e);
    return e;
  }

 private:
  alignas(fiemap)
      std::array<std::byte, sizeof(fiemap) + most_extents * sizeof(fiemap_extent)> memory_{};
  u32 count_ = 0;
};

Result<bool> failure(int error, u64 offset) {
  bool const full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  if (full) {
    return device_error(Errc::host_full, error, "no room on the host for the image", offset);
  }
  return device_error(Errc::io, error, "reserving room on the host failed", offset);
}

/// fallocate without EINTR; 0 or an errno.
int allocate(int fd, int mode, u64 offset, u64 length) {
  int result = 0;
  do {
    result = ::fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

/// Where the allocated run that starts at `offset` ends, as far as `map` tells.
u64 end_of_run(ExtentMap const& map, u64 offset) {
  u64 end = offset;
  for (u32 i = 0; i < map.count(); ++i) {
    fiemap_extent const e = map.extent(i);
    // A shared block gets another place when it is written.
    if (e.fe_logical > end || (e.fe_flags & FIEMAP_EXTENT_SHARED) != 0) break;
    end = std::max<u64>(end, e.fe_logical + e.fe_length);
  }
  return end;
}

}  // namespace

Result<bool> HostRoom::reserve(u64 offset, u64 length) {
  // First the form that also unshares, then the one that only fills holes. ext4 has the second
  // alone, and takes a transaction for it even if there is nothing to do.
  int const modes[] = {FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE};
  for (int const mode : modes) {
    bool const unshares = mode == modes[0];
    if (unshares && !can_unshare_) continue;
    if (!unshares && is_allocated(offset, length)) return false;
    int const error = allocate(fd_, mode, offset, length);
    if (error == 0) return false;
    if (error != EOPNOTSUPP && error != ENOSYS && error != EINVAL) return failure(error, offset);
    can_unshare_ = can_unshare_ && !unshares;
  }
  return fill_holes(offset, length);
}

/// Asks for the extents of the range and a little more. SEEK_HOLE would do, but walks to the next
/// hole, which in a large image may be gigabytes of the host's extent tree away.
bool HostRoom::is_allocated(u64 offset, u64 length) {
  if (offset >= solid_from_ && range_inside(offset, length, solid_to_)) return true;
  if (!can_map_) return false;
  ExtentMap map;
  if (!map.load(fd_, offset, std::max(length, look_ahead))) {
    can_map_ = false;
    return false;
  }
  solid_from_ = offset;
  solid_to_ = end_of_run(map, offset);
  return range_inside(offset, length, solid_to_);
}

Result<bool> HostRoom::fill_holes(u64 offset, u64 length) const {
  u64 const end = offset + length;
  alignas(4096) static constexpr std::array<std::byte, 65536> zeros{};
  bool written = false;
  for (u64 at = offset; at < end;) {
    off_t const hole = ::lseek(fd_, static_cast<off_t>(at), SEEK_HOLE);
    // A host that cannot tell holes from data: the write itself will say whether there is room.
    if (hole < 0) return written;
    u64 const start = std::max(at, static_cast<u64>(hole));
    if (start >= end) return written;
    off_t const data = ::lseek(fd_, static_cast<off_t>(start), SEEK_DATA);
    u64 const stop = data < 0 ? end : std::min(end, static_cast<u64>(data));
    for (at = start; at < stop;) {
      u64 const count = std::min<u64>(zeros.size(), stop - at);
      s64 const done = ::pwrite(fd_, zeros.data(), count, static_cast<off_t>(at));
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return failure(done < 0 ? errno : ENOSPC, at);
      written = true;
      at += static_cast<u64>(done);
    }
  }
  return written;
}

}  // namespace xfsx::inline v0
