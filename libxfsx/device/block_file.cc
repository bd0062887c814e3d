#include "device/block_file.h"

#include "base/checked.h"
#include "device/guard.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xfsx::inline v0 {

BlockFile::BlockFile(Parts parts) : parts_(std::move(parts)) {}

DeviceInfo BlockFile::info() const {
  DeviceInfo info = parts_.info;
  info.backend = parts_.engine->name();
  return info;
}

Result<void> BlockFile::read(std::span<ReadRequest const> batch) {
  return guarded([&]() -> Result<void> {
    XFSX_TRYV(plan_.plan(batch, parts_.limits));
    stats_.reads += plan_.transfers().size();
    stats_.read_bytes += plan_.bytes();
    XFSX_TRYV(run(Direction::read, 0));
    plan_.deliver();
    return success();
  });
}

Result<void> BlockFile::write(std::span<WriteRequest const> batch) {
  return guarded([&]() -> Result<void> {
    XFSX_TRYV(plan_write(batch));
    return run_writes(0);
  });
}

Result<void> BlockFile::write_durable(std::span<WriteRequest const> batch) {
  return guarded([&]() -> Result<void> {
    XFSX_TRYV(plan_write(batch));
    if (plan_.transfers().size() == 1 && !unflushed_) {
      XFSX_TRYV(run_writes(RWF_DSYNC));
      unflushed_ = false;
      return success();
    }
    XFSX_TRYV(run_writes(0));
    return flush();
  });
}

Result<void> BlockFile::flush() {
  XFSX_TRYV(check_writable());
  stats_.flushes += 1;
  int result = 0;
  do {
    result = ::fdatasync(parts_.fd.get());
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    flush_failure_ = make_error(Errc::io, errno, "flush failed");
    return *flush_failure_;
  }
  unflushed_ = false;
  return success();
}

Result<void> BlockFile::check_writable() const {
  if (parts_.info.write_protected) return refuse(EROFS, "the device is open for reading only");
  if (flush_failure_) return *flush_failure_;
  return success();
}

Result<void> BlockFile::plan_write(std::span<WriteRequest const> batch) {
  XFSX_TRYV(check_writable());
  return plan_.plan(batch, parts_.limits);
}

Result<void> BlockFile::run_writes(int flags) {
  stats_.writes += plan_.transfers().size();
  stats_.write_bytes += plan_.bytes();
  if (!plan_.transfers().empty()) unflushed_ = true;
  return run(Direction::write, flags);
}

Result<void> BlockFile::run(Direction direction, int flags) {
  std::span<Transfer> const transfers = plan_.transfers();
  u32 const unit = parts_.limits.direct ? parts_.limits.sector : 1;
  // One request has nothing to run beside: a blocking call is the short way.
  if (transfers.size() == 1) {
    return run_blocking(parts_.fd.get(), direction, transfers.front(), unit, flags);
  }
  return parts_.engine->run(direction, transfers, unit);
}

Result<void> BlockFile::reserve(u64 offset, u64 length) {
  if (parts_.info.is_block_device) return success();
  XFSX_TRYV(check_writable());
  if (!range_inside(offset, length, parts_.info.size)) {
    return device_error(Errc::truncated, EINVAL, "room past the end of the image", offset);
  }
  return guarded([&] { return reserve_range(offset, length); });
}

namespace {

Result<void> reserve_failure(int error, u64 offset) {
  bool const full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  if (full)
    return device_error(Errc::host_full, error, "no room on the host for the image", offset);
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

}  // namespace

Result<void> BlockFile::reserve_range(u64 offset, u64 length) {
  // First the form that also gives blocks shared with other files (a reflinked copy of an image) a
  // place of their own; then the one that only fills holes. Neither changes a byte or the size.
  int const modes[] = {FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE};
  for (int const mode : modes) {
    bool const unshares = mode == modes[0];
    if (unshares && !can_unshare_) continue;
    if (!unshares && is_solid(offset, length)) return success();
    int const error = allocate(parts_.fd.get(), mode, offset, length);
    if (error == 0) return success();
    if (error != EOPNOTSUPP && error != ENOSYS && error != EINVAL) {
      return reserve_failure(error, offset);
    }
    can_unshare_ = can_unshare_ && !unshares;
  }
  return fill_holes(offset, length);
}

/// True if the host says that the range has no hole. One question answers for all of a run.
bool BlockFile::is_solid(u64 offset, u64 length) {
  if (offset < solid_from_ || offset >= solid_to_) {
    off_t const hole = ::lseek(parts_.fd.get(), static_cast<off_t>(offset), SEEK_HOLE);
    if (hole < 0) return false;
    solid_from_ = offset;
    solid_to_ = static_cast<u64>(hole);
  }
  return range_inside(offset, length, solid_to_);
}

Result<void> BlockFile::fill_holes(u64 offset, u64 length) {
  int const fd = parts_.fd.get();
  u64 const end = offset + length;
  alignas(4096) static constexpr std::array<std::byte, 65536> zeros{};
  for (u64 at = offset; at < end;) {
    off_t const hole = ::lseek(fd, static_cast<off_t>(at), SEEK_HOLE);
    // A host that cannot tell holes from data: the write itself will say whether there is room.
    if (hole < 0) return success();
    u64 const start = std::max(at, static_cast<u64>(hole));
    if (start >= end) return success();
    off_t const data = ::lseek(fd, static_cast<off_t>(start), SEEK_DATA);
    u64 const stop = data < 0 ? end : std::min(end, static_cast<u64>(data));
    for (at = start; at < stop;) {
      u64 const count = std::min<u64>(zeros.size(), stop - at);
      s64 const done = ::pwrite(fd, zeros.data(), count, static_cast<off_t>(at));
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return reserve_failure(done < 0 ? errno : ENOSPC, at);
      unflushed_ = true;
      at += static_cast<u64>(done);
    }
  }
  return success();
}

}  // namespace xfsx::inline v0
