#pragma once
// How a log record is cut, stamped and checksummed. The first word of every basic block of a record
// gives way to the number of the cycle, so that a reader can tell written blocks from older ones;
// what stood there is kept in the header blocks.

#include "disk/log.h"
#include "log/log_geometry.h"

namespace xfsx::inline v0 {

/// Largest size of the log buffers, and so of a record, bytes.
inline constexpr u32 max_log_record_size = 262144;
/// Smallest size of records that xfsx writes, bytes.
inline constexpr u32 min_log_record_size = 32768;

/// The measures of all records of one writer.
struct RecordShape {
  u32 size = min_log_record_size;  ///< h_size
  u32 unit = 512;                  ///< what records are padded to, bytes

  [[nodiscard]] u32 header_blocks() const;
  [[nodiscard]] u32 header_bytes() const { return header_blocks() * basic_block_size; }
  /// Bytes of the longest record, headers included.
  [[nodiscard]] u32 max_bytes() const { return size / unit * unit; }
  /// Bytes of operations that the longest record holds.
  [[nodiscard]] u32 capacity() const { return max_bytes() - header_bytes(); }
  /// Bytes of a record with `used` bytes of operations, headers and padding included.
  [[nodiscard]] u32 bytes_for(u32 used) const;
};

/// What a record's header says that its shape does not.
struct RecordStamp {
  Lsn lsn{};
  Lsn tail{};
  u32 previous = 0xffffffff;  ///< log block of the record before; all ones for none
  u32 ops = 0;
  u32 used = 0;  ///< bytes of operations, which lie behind the header blocks
  u32 format = disk::log_format_linux_le;  ///< h_fmt: whose byte order the items have
};

/// The cycle after `cycle`; the magic number of records is no cycle.
u32 next_log_cycle(u32 cycle);

/// The position `blocks` further on, in the next cycle if the end of the log is passed.
Lsn advance(LogGeometry const& log, Lsn position, u32 blocks);

/// Turns operations into a record: writes the header blocks, zeroes the padding, stamps the cycle
/// numbers, of the blocks past the end of the log too, and the checksum. `record` is
/// shape.bytes_for(stamp.used) long.
void seal_record(LogGeometry const& log, RecordShape const& shape, RecordStamp const& stamp,
                 Bytes record);

/// An empty header, with which blocks ahead of the head are overwritten. `block` is a basic block.
void make_empty_record(LogGeometry const& log, Lsn lsn, Lsn tail, Bytes block);

}  // namespace xfsx::inline v0
