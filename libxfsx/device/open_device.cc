#include <xfsx/device.h>

#include "device/block_file.h"
#include "device/engine.h"
#include "device/guard.h"
#include "device/unique_fd.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

namespace xfsx::inline v0 {

namespace {

Error cannot_open(int error) {
  if (error == EROFS) return refuse(EROFS, "the image is write-protected");
  if (error == EBUSY || error == ETXTBSY)
    return make_error(Errc::busy, EBUSY, "the device is in use");
  return make_error(Errc::missing, error, "cannot be opened");
}

Result<struct stat> check_kind(std::string const& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return cannot_open(errno);
  if (S_ISDIR(status.st_mode)) return refuse(EINVAL, "a directory, not an image or a block device");
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
    return refuse(EINVAL, "neither a regular file nor a block device");
  }
  return status;
}

Result<void> measure(BlockFile::Parts& parts, struct stat const& status) {
  int const fd = parts.fd.get();
  parts.info.is_block_device = S_ISBLK(status.st_mode);
  parts.info.size = static_cast<u64>(status.st_size);
  if (parts.info.is_block_device) {
    int sector = 0;
    if (::ioctl(fd, BLKGETSIZE64, &parts.info.size) != 0 || ::ioctl(fd, BLKSSZGET, &sector) != 0) {
      return make_error(Errc::io, errno, "the device does not tell its size");
    }
    parts.info.logical_sector = static_cast<u32>(sector);
  }
  parts.limits.size = parts.info.size;
  parts.limits.sector = parts.info.logical_sector;
  return success();
}

}  // namespace

Result<std::unique_ptr<BlockDevice>> open_device(std::string const& path,
                                                 OpenDeviceOptions const& options) {
  return guarded([&]() -> Result<std::unique_ptr<BlockDevice>> {
    XFSX_TRYV(check_kind(path));
    BlockFile::Parts parts;
    parts.fd = UniqueFd(::open(path.c_str(), (options.writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
    if (!parts.fd) return cannot_open(errno);
    struct stat status{};
    if (::fstat(parts.fd.get(), &status) != 0) return cannot_open(errno);
    parts.info.write_protected = !options.writable;
    XFSX_TRYV(measure(parts, status));
    XFSX_TRY(parts.engine, make_thread_engine(parts.fd.get()));
    return std::unique_ptr<BlockDevice>(std::make_unique<BlockFile>(std::move(parts)));
  });
}

}  // namespace xfsx::inline v0
