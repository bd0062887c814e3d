#pragma once
// Where the log lies and how it is cut, and what state it was found in.

#include "format/geometry.h"

namespace xfsx::inline v0 {

/// The log as a run of basic blocks on a device.
struct LogGeometry {
  Daddr start{};          ///< first basic block of the log on its device
  u32 blocks = 0;         ///< length in basic blocks
  u32 unit = 512;         ///< every record starts on and is padded to a multiple of this many bytes
  u32 sector_size = 512;  ///< bytes
  Uuid uuid{};            ///< what records carry: the user-visible UUID

  /// The internal log of a filesystem. Errors: refused EOPNOTSUPP for an external log.
  static Result<LogGeometry> of(Geometry const& geometry);

  /// Byte address on the device of a log block.
  [[nodiscard]] u64 byte_of(LogBlock block) const {
    return (start.raw() + block.raw()) * basic_block_size;
  }
};

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
