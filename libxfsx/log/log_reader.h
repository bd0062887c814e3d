#pragma once
// Reads of the log through one window of bounded size, so that a scan costs few large requests and
// a probe one small one.

#include <xfsx/device.h>

#include "base/checked.h"
#include "cache/buffer_cache.h"
#include "disk/log.h"
#include "log/log_geometry.h"

#include <optional>

namespace xfsx::inline v0 {

/// Most basic blocks of a record of a version 2 log, headers included.
inline constexpr u32 log_record_max_blocks = 512;
/// How far behind the head unfinished writes may lie: eight records of the largest size.
inline constexpr u32 log_window_blocks = 8 * log_record_max_blocks;

/// Header blocks of a record: they follow from the size of the writer's log buffers, not from the
/// length of the record.
u32 log_header_blocks(disk::LogRecordHeader const& header);
inline u32 log_header_blocks(u32 record_size) {
  return record_size <= 32768 ? 1 : div_round_up(record_size, 32768U);
}

/// Where a structure of the log lies, for errors.
inline Location log_location(u32 block) {
  return {DeviceRole::data, AddressKind::log_block, block};
}

class LogReader {
 public:
  /// In which direction the caller goes on reading.
  enum class Ahead : u8 { none, forward, backward };

  LogReader(BlockDevice& device, LogGeometry const& log);

  [[nodiscard]] u32 blocks() const { return log_.blocks; }
  [[nodiscard]] LogGeometry const& log() const { return log_; }
  /// The block `count` behind `block`, round the end of the log.
  [[nodiscard]] u32 wrap(u64 block) const { return static_cast<u32>(block % log_.blocks); }

  /// `count` blocks from `first`, which do not pass the end of the log and are at most
  /// log_window_blocks. Valid until the next call. Errors: io, truncated.
  Result<ConstBytes> read(u32 first, u32 count, Ahead ahead = Ahead::none);

  /// Whether the window holds them already.
  [[nodiscard]] bool holds(u32 first, u32 count) const {
    return first >= first_ && u64{first} + count <= u64{first_} + count_;
  }

  /// Brings `count` blocks from `first` into the window, or those of them before the end of the
  /// log: reads of what lies there cost nothing then. Errors: io, truncated.
  Result<void> load(u32 first, u32 count);

  /// The cycle that a block carries; 0: never written.
  Result<u32> cycle(u32 block, Ahead ahead = Ahead::none);

  /// The same for blocks far from each other, which are read as one batch.
  Result<void> cycles(std::span<u32 const> blocks, std::span<u32> out);

  /// The header at `block`, or nothing if no record starts there.
  Result<std::optional<disk::LogRecordHeader>> header(u32 block, Ahead ahead = Ahead::none);

 private:
  void reserve(u32 count);
  Result<void> bring(u32 from, u64 end);

  BlockDevice& device_;
  LogGeometry log_;
  u32 sector_blocks_;
  AlignedBytes window_;
  u32 first_ = 0, count_ = 0;  // what the window holds
};

/// The cycle stamped on a basic block.
u32 log_cycle_of(ConstBytes block);

/// Checks that `header` can be the header of a record whose buffers hold `size` bytes. Errors:
/// bad_value.
Result<void> check_log_header(disk::LogRecordHeader const& header, u32 block, u32 size);

/// The checksum that the record at `block` would have with `header` for its own. What it covers,
/// `header_blocks` and `bytes` behind them, need not be what `header` says. Errors: io, truncated.
Result<u32> log_record_crc(LogReader& reader, u32 block, disk::LogRecordHeader const& header,
                           u32 header_blocks, u32 bytes);

/// Compares the checksum of the record at `block`, which has `header_blocks`. A record without
/// checksum passes. Errors: io, bad_crc.
Result<void> check_log_record_crc(LogReader& reader, u32 block, disk::LogRecordHeader const& header,
                                  u32 header_blocks);

}  // namespace xfsx::inline v0
