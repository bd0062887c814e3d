// Opening: what kind of file it is, whether somebody else uses it, and what it asks of requests.
// A reader disturbs nobody and may look at a mounted or locked image; a writer shares with nobody.

#include <xfsx/device.h>

#include "device/block_file.h"
#include "device/engine.h"
#include "device/guard.h"
#include "device/gzip_image.h"
#include "device/holders.h"
#include "device/host_files.h"
#include "device/image_lock.h"
#include "device/partitions.h"
#include "device/qcow2.h"
#include "device/role_device.h"
#include "device/slice.h"
#include "device/unique_fd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace xfsx::inline v0 {

namespace {

// udev opens a device after each close of a writer, for a moment.
constexpr std::chrono::milliseconds busy_patience{500};
constexpr std::chrono::milliseconds busy_pause{20};

Error cannot_open(int error) {
  if (error == EROFS) return refuse(EROFS, "the image is write-protected");
  if (error == EBUSY || error == ETXTBSY) {
    return make_error(Errc::busy, EBUSY, "in use by another program");
  }
  return make_error(Errc::missing, error, "cannot be opened");
}

bool disk_is_read_only(dev_t device) {
  return host_text(fmt::format("/sys/dev/block/{}:{}/ro", major(device), minor(device)))
      .starts_with('1');
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

Result<void> check_holders(struct stat const& status) {
  std::optional<Holder> const holder = find_holder(status);
  if (!holder) return success();
  return with_note(make_error(Errc::busy, EBUSY, holder->reason), holder->name);
}

Result<UniqueFd> open_exclusively(std::string const& path, struct stat const& status) {
  bool const is_block = S_ISBLK(status.st_mode);
  XFSX_TRYV(check_holders(status));
  if (is_block && disk_is_read_only(status.st_rdev)) return cannot_open(EROFS);
  // O_EXCL without O_CREAT: the kernel's claim on a block device.
  int const flags = O_RDWR | O_CLOEXEC | (is_block ? O_EXCL : 0);
  for (std::chrono::milliseconds waited{0};; waited += busy_pause) {
    UniqueFd fd(::open(path.c_str(), flags));
    if (fd) return fd;
    int const error = errno;
    if (error != EBUSY || waited >= busy_patience) {
      if (error == EBUSY) {
        XFSX_TRYV(check_holders(status));
      }
      return cannot_open(error);
    }
    std::this_thread::sleep_for(busy_pause);
  }
}

Result<UniqueFd> open_file(std::string const& path, struct stat const& status, bool writable) {
  if (!writable) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return cannot_open(errno);
    if (S_ISREG(status.st_mode)) lock_for_reading(fd.get());
    return fd;
  }
  XFSX_TRY(UniqueFd fd, open_exclusively(path, status));
  if (S_ISREG(status.st_mode)) {
    XFSX_TRYV(lock_for_writing(fd.get()));
    // Who attached a loop device between our look and our lock is found now.
    XFSX_TRYV(check_holders(status));
  }
  return fd;
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

struct DirectAlignment {
  u32 memory;
  u32 offset;
};

/// What the host asks of direct requests; a sector where it does not say.
DirectAlignment direct_alignment(int fd, u32 sector) {
  DirectAlignment alignment{sector, sector};
#ifdef STATX_DIOALIGN
  struct statx status{};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0 && status.stx_dio_mem_align != 0) {
    alignment = {status.stx_dio_mem_align, status.stx_dio_offset_align};
  }
#endif
  return alignment;
}

/// Turns O_DIRECT on where the host can do it in units of our sectors; elsewhere requests go
/// through the host's page cache.
void enable_direct(BlockFile::Parts& parts) {
  constexpr u32 largest_unit = 4096;
  int const fd = parts.fd.get();
  u32 const sector = parts.info.logical_sector;
  DirectAlignment const alignment = direct_alignment(fd, sector);
  if (alignment.offset > sector || std::max(alignment.memory, sector) > largest_unit) return;
  int const flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_DIRECT) != 0) return;
  // The only sure sign is a read that works, at an address that is aligned to no more than needed.
  alignas(largest_unit) std::array<std::byte, 2 * largest_unit> buffer{};
  if (::pread(fd, buffer.data() + alignment.memory, sector, 0) < 0 && errno == EINVAL) {
    ::fcntl(fd, F_SETFL, flags);
    return;
  }
  parts.limits.direct = true;
  parts.limits.memory_alignment = alignment.memory;
  parts.info.memory_alignment = std::max(alignment.memory, parts.info.memory_alignment);
}

Result<std::unique_ptr<Engine>> make_engine(IoBackend backend, int fd) {
  if (backend != IoBackend::threads) {
    Result<std::unique_ptr<Engine>> engine = make_uring_engine(fd);
    if (engine || backend == IoBackend::uring) return engine;
  }
  return make_thread_engine(fd);
}

/// A file or device of the host, before anything but gzip is looked into.
Result<std::unique_ptr<BlockDevice>> open_plain(std::string const& path,
                                                OpenDeviceOptions const& options,
                                                bool may_be_gzip) {
  XFSX_TRY(struct stat status, check_kind(path));
  BlockFile::Parts parts;
  XFSX_TRY(parts.fd, open_file(path, status, options.writable));
  if (may_be_gzip && S_ISREG(status.st_mode) && is_gzip(parts.fd.get())) {
    if (options.writable) return refuse(EOPNOTSUPP, "a compressed image can only be read");
    XFSX_TRY(parts.fd, unpack_gzip(parts.fd.get()));
  }
  if (::fstat(parts.fd.get(), &status) != 0) return cannot_open(errno);
  parts.info.write_protected = !options.writable;
  XFSX_TRYV(measure(parts, status));
  if (options.direct) enable_direct(parts);
  XFSX_TRY(parts.engine, make_engine(options.backend, parts.fd.get()));
  return std::unique_ptr<BlockDevice>(std::make_unique<BlockFile>(std::move(parts)));
}

/// A qcow2 image and the files behind it, which lead to one another by their names.
class Qcow2Chain {
 public:
  explicit Qcow2Chain(OpenDeviceOptions const& options) : options_(options) {}

  /// `file`, opened from `path`, or the disk in it if it is a qcow2 image.
  Result<std::unique_ptr<BlockDevice>> unpack(std::unique_ptr<BlockDevice> file,
                                              std::string const& path) {
    if (!is_qcow2(*file)) return file;
    if (options_.writable) return refuse(EOPNOTSUPP, "a qcow2 image can only be read");
    XFSX_TRYV(remember(path));
    return open_qcow2(std::move(file), [this, &path](BackingFile const& backing) {
      return open_backing(path, backing);
    });
  }

 private:
  static constexpr std::size_t most = 16;

  /// Errors: refused ELOOP where the chain comes back to a file, or is too long.
  Result<void> remember(std::string const& path) {
    XFSX_TRY(struct stat const status, check_kind(path));
    std::pair<dev_t, ino_t> const id(status.st_dev, status.st_ino);
    if (std::ranges::find(seen_, id) != seen_.end()) {
      return refuse(ELOOP, "a qcow2 image is its own backing file");
    }
    if (seen_.size() == most) return refuse(ELOOP, "too many qcow2 images behind one another");
    seen_.push_back(id);
    return success();
  }

  Result<std::unique_ptr<BlockDevice>> open_backing(std::string const& image,
                                                    BackingFile const& backing) {
    bool const known =
        backing.format.empty() || backing.format == "raw" || backing.format == "qcow2";
    if (!known) {
      return with_note(refuse(EOPNOTSUPP, "a backing file of this format is not supported"),
                       backing.format);
    }
    std::string_view name = backing.name;
    if (name.starts_with("file:")) name.remove_prefix(5);
    if (name.find(':') < name.find('/') || name.find('\0') != std::string_view::npos) {
      return with_note(refuse(EOPNOTSUPP, "the backing file is not a file's name"), name);
    }
    std::string const folder = image.substr(0, image.rfind('/') + 1);
    std::string const path = name.starts_with('/') ? std::string(name) : folder + std::string(name);
    Result<std::unique_ptr<BlockDevice>> file = open_plain(path, options_, false);
    if (!file) return with_note(with_structure(file.error(), "backing file"), name);
    if (backing.format == "raw") return file;
    if (backing.format == "qcow2" && !is_qcow2(*file.value())) {
      return with_note(make_error(Errc::bad_value, EUCLEAN, "the backing file is not qcow2"), name);
    }
    return unpack(std::move(file).value(), path);
  }

  OpenDeviceOptions options_;
  std::vector<std::pair<dev_t, ino_t>> seen_;
};

Result<std::unique_ptr<BlockDevice>> open_data(std::string const& path,
                                               OpenDeviceOptions const& options) {
  return guarded([&]() -> Result<std::unique_ptr<BlockDevice>> {
    if (options.offset != 0 && options.partition != 0) {
      return refuse(EINVAL, "an offset and a partition were given");
    }
    XFSX_TRY(std::unique_ptr<BlockDevice> file, open_plain(path, options, true));
    Qcow2Chain chain(options);
    XFSX_TRY(std::unique_ptr<BlockDevice> device, chain.unpack(std::move(file), path));
    if (options.offset != 0) return SliceDevice::make(std::move(device), options.offset);
    if (options.partition != 0) return open_partition(std::move(device), options.partition);
    if (options.search) return find_xfs(std::move(device));
    return device;
  });
}

}  // namespace

Result<std::unique_ptr<BlockDevice>> open_device(std::string const& path,
                                                 OpenDeviceOptions const& options) {
  Result<std::unique_ptr<BlockDevice>> device = open_data(path, options);
  if (options.role == DeviceRole::data) return device;
  if (!device) return with_device(device.error(), options.role);
  return guarded([&]() -> Result<std::unique_ptr<BlockDevice>> {
    return std::unique_ptr<BlockDevice>(
        std::make_unique<RoleDevice>(std::move(device).value(), options.role));
  });
}

}  // namespace xfsx::inline v0
