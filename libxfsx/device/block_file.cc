#include "device/block_file.h"

#include "base/checked.h"
#include "device/guard.h"

#include <unistd.h>

#include <cerrno>

namespace xfsx::inline v0 {

BlockFile::BlockFile(Parts parts) : parts_(std::move(parts)), room_(parts_.fd.get()) {}

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
  return guarded([&]() -> Result<void> {
    Result<bool> const wrote = room_.reserve(offset, length);
    // Zeros that were written before a failure are unflushed too.
    unflushed_ = unflushed_ || !wrote || wrote.value();
    if (!wrote) return wrote.error();
    return success();
  });
}

}  // namespace xfsx::inline v0
