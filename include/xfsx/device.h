#pragma once
// Where the bytes are. A BlockDevice is the one seam between xfsx and storage: files and block
// devices, memory, a recorder and a fault injector for tests, and whatever an embedding program
// brings itself.
//
// Calls are synchronous from the caller's side. A batch is given to the device as a whole, which
// may run it in any order and as parallel as it likes; when the call returns every request of it
// has ended. A device is used by one thread at a time.

#include <xfsx/result.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace xfsx::inline v0 {

struct ReadRequest {
  u64 offset = 0;  ///< bytes from the start of the device
  Bytes into{};
};

struct WriteRequest {
  u64 offset = 0;  ///< bytes from the start of the device
  ConstBytes from{};
};

/// Requests, of at most 1 MiB each, that a device has room for from the start: writing so many
/// with one call must need no memory, since a commit may not fail for the want of it.
constexpr std::size_t steady_batch = 4096;

struct DeviceInfo {
  u64 size = 0;                ///< bytes
  u32 logical_sector = 512;    ///< bytes; smallest unit that is written atomically
  u32 memory_alignment = 512;  ///< bytes; buffers aligned so avoid a copy
  bool write_protected = false;
  bool is_block_device = false;
  u64 offset = 0;                       ///< bytes of IMAGE before the device begins
  u32 partition = 0;                    ///< of IMAGE that the device is; 0 for none
  std::string_view backend = "custom";  ///< "uring", "threads", "memory" …
};

/// Counters of what was asked of a device, for benchmarks and tests.
struct DeviceStats {
  u64 reads = 0, read_bytes = 0;
  u64 writes = 0, write_bytes = 0;
  u64 flushes = 0;
};

class XFSX_API BlockDevice {
 public:
  BlockDevice() = default;
  BlockDevice(BlockDevice const&) = delete;
  BlockDevice& operator=(BlockDevice const&) = delete;
  virtual ~BlockDevice();

  [[nodiscard]] virtual DeviceInfo info() const = 0;

  /// Reads each request wholly. Errors: io (with the byte address), truncated past the end.
  virtual Result<void> read(std::span<ReadRequest const> batch) = 0;

  /// Writes each request wholly, in no order; offsets and lengths are multiples of the logical
  /// sector. Nothing is durable before a flush. Commits give at most steady_batch requests, whose
  /// memory is aligned as info() asks. Errors: io, truncated.
  virtual Result<void> write(std::span<WriteRequest const> batch) = 0;

  /// Makes everything durable that was written before. An error is final: the state of what was
  /// written since the last flush is unknown.
  virtual Result<void> flush() = 0;

  /// Writes `batch` and makes it, and all that was written before, durable: with FUA where the
  /// device can and nothing else waits for a flush, otherwise by a write and a flush.
  virtual Result<void> write_durable(std::span<WriteRequest const> batch);

  /// Makes sure that later writes to `length` bytes from `offset` cannot fail for want of room on
  /// the host. Devices of fixed storage have nothing to do. Errors: host_full.
  virtual Result<void> reserve(u64 offset, u64 length);

  [[nodiscard]] virtual DeviceStats stats() const { return {}; }
};

/// The devices beside the data device on which a filesystem may lie. Whoever opens it keeps them
/// open; null for what is not there or was not given.
struct FurtherDevices {
  BlockDevice* log = nullptr;       ///< of an external log
  BlockDevice* realtime = nullptr;  ///< of realtime files
};

enum class IoBackend : u8 { automatic, uring, threads };

struct OpenDeviceOptions {
  bool writable = false;
  IoBackend backend = IoBackend::automatic;
  u64 offset = 0;       ///< bytes; the filesystem starts here
  u32 partition = 0;    ///< the filesystem lies in this partition; 0 for none
  bool search = false;  ///< take the only partition with XFS if there is none at the start
  DeviceRole role = DeviceRole::data;  ///< what errors say of the device
  bool direct = true;                  ///< O_DIRECT where the file allows it
};

/// Opens a block device or an image file. Writable: exclusively, locked, refused when mounted or
/// held (the error's note names the holder). An image that gzip compressed is unpacked into a
/// temporary file first; a qcow2 image is followed to the files behind it. Both can only be read.
/// Errors: missing, busy, io, refused (EINVAL for a kind of file without blocks, EOPNOTSUPP for
/// writing what is compressed, ENXIO for a partition that is not there, EINVAL where several
/// partitions hold XFS or both offset and partition are given); truncated, bad_value, host_full of
/// a compressed image.
XFSX_API Result<std::unique_ptr<BlockDevice>> open_device(std::string const& path,
                                                          OpenDeviceOptions const& options);

}  // namespace xfsx::inline v0
