#pragma once
// The log of an image that was not unmounted, taken apart into operations, and put together again:
// what an input changes in between reaches replay behind cycle numbers and checksums that are
// right.

#include "disk/log.h"
#include "fuzz/support/world.h"
#include "log/log_geometry.h"

#include <vector>

namespace xfsx::fuzz {

/// An operation, with what it belongs to.
struct LogOp {
  disk::LogOpHeader header{};
  std::vector<std::byte> payload;
  u16 item = 0;    ///< type of the log item of which it is a region; 0 for none
  u16 region = 0;  ///< which region of it
};

struct DirtyLog {
  LogGeometry geometry;
  LogState state;
  std::vector<std::vector<LogOp>> records;  ///< those between tail and head

  /// That of an image whose log never went round; read once for each image.
  static DirtyLog const& of(World const& world);

  /// Every operation with a payload that is a part of an item.
  std::vector<LogOp*> item_ops();

  /// Where a further item belongs: before the commit of the last transaction.
  void add_item(std::vector<std::vector<std::byte>> const& regions);

  /// Writes the records from the tail on, and nothing behind them. What does not fit a record or
  /// the log is left out. The checksum of record `broken` is wrong, if there is one.
  void write_to(BlockDevice& disk, std::size_t broken) const;
};

}  // namespace xfsx::fuzz
