#pragma once
// Where the log lies and how it is cut, and what state it was found in.

#include <xfsx/device.h>

#include "format/geometry.h"

namespace xfsx::inline v0 {

/// The log as a run of basic blocks on a device.
struct LogGeometry {
  Daddr start{};          ///< first basic block of the log on its device
  u32 blocks = 0;         ///< length in basic blocks
  u32 unit = 512;         ///< every record starts on and is padded to a multiple of this many bytes
  u32 sector_size = 512;  ///< bytes
  Uuid uuid{};            ///< what records carry: the user-visible UUID
  /// Basic blocks of the longest record: 32 KiB in the first version of the log, which only version
  /// 4 filesystems have.
  u32 record_blocks = 512;
  /// A record without a right checksum is not replayed. Linux replays such a one all the same where
  /// metadata has no checksums either.
  bool needs_checksums = true;

  /// The internal log of a filesystem. Errors: refused EOPNOTSUPP for an external log.
  static Result<LogGeometry> of(Geometry const& geometry);
  /// A log that fills a device of its own, from its first block.
  static LogGeometry of_external(Geometry const& geometry);

  /// How far back from the head blocks may be missing: eight records are in flight at most.
  [[nodiscard]] u32 window_blocks() const { return 8 * record_blocks; }
  /// What records say of themselves.
  [[nodiscard]] u32 record_version() const { return record_blocks < 512 ? 1 : 2; }
  /// Byte address on the device of a log block.
  [[nodiscard]] u64 byte_of(LogBlock block) const {
    return (start.raw() + block.raw()) * basic_block_size;
  }
};

/// The log, and the device that it is on.
struct LogPlace {
  BlockDevice& device;
  LogGeometry log;
};

/// Where the log of a filesystem is. `external`: the device of an external log, null if none was
/// given. Errors: refused EINVAL for one that an internal log has no use for, ENODEV where one is
/// missing; of one that was given, truncated if it ends before the log, bad_value if its sectors
/// are larger than those of the log.
Result<LogPlace> place_log(Geometry const& geometry, BlockDevice& data, BlockDevice* external);

/// What the search for head and tail found.
struct LogState {
  bool clean = false;       ///< an unmount record ends the log, or nothing was ever written
  bool torn = false;        ///< records behind the head were dropped because they are not whole
  Lsn head{};               ///< where the next record goes: cycle and log block
  Lsn tail{};               ///< oldest record that recovery needs; equals head when clean
  LogBlock last_record{};   ///< header of the last whole record; meaningless in an empty log
  bool empty = false;       ///< nothing was ever written
  u32 record_size = 32768;  ///< h_size of the last record, bytes
};

}  // namespace xfsx::inline v0
