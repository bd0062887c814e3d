#pragma once
// The log of an image that was not unmounted, taken apart into operations, and put together again:
// what an input changes in between reaches replay behind cycle numbers and checksums that are
// right.

#include "disk/log.h"
#include "fuzz/support/world.h"
#include "log/log_geometry.h"

#include <vector>

namespace xfsx::fuzz {

/// Bytes that are those of the image until they are changed: most of them never are.
class LogPayload {
 public:
  LogPayload() = default;
  /// `original` lives as long as the program.
  explicit LogPayload(ConstBytes original) : original_(original) {}
  explicit LogPayload(std::vector<std::byte> own) : own_(std::move(own)), is_own_(true) {}

  [[nodiscard]] ConstBytes bytes() const { return is_own_ ? ConstBytes(own_) : original_; }
  [[nodiscard]] std::size_t size() const { return bytes().size(); }
  [[nodiscard]] std::vector<std::byte>& edit() {
    if (!is_own_) own_.assign(original_.begin(), original_.end());
    is_own_ = true;
    return own_;
  }

 private:
  ConstBytes original_;
  std::vector<std::byte> own_;
  bool is_own_ = false;
};

/// An operation, with what it belongs to.
struct LogOp {
  disk::LogOpHeader header{};
  LogPayload payload;
  u16 item = 0;    ///< type of the log item of which it is a region; 0 for none
  u16 region = 0;  ///< which region of it
};

/// The log of an image, which is read once.
struct OriginalLog {
  struct Record {
    u32 block = 0, blocks = 0;
    std::vector<std::byte> data;
    std::vector<LogOp> ops;
  };
  LogGeometry geometry;
  LogState state;
  std::vector<Record> records;  ///< those between tail and head

  /// That of an image whose log never went round.
  static OriginalLog const& of(World const& world);
};

/// What an input makes of it. A record that nothing changes costs nothing.
class DirtyLog {
 public:
  explicit DirtyLog(OriginalLog const& original);

  [[nodiscard]] std::size_t records() const { return records_.size(); }
  [[nodiscard]] std::vector<LogOp> const& ops(std::size_t record) const;
  [[nodiscard]] std::vector<LogOp>& edit(std::size_t record);

  /// One of the operations with a payload that is a part of an item, or null if there is none.
  LogOp* pick_item_op(u16 number);

  /// Where a further item belongs: before the commit of the last transaction.
  void add_item(std::vector<std::vector<std::byte>> const& regions);

  /// Writes the records from the tail on, and nothing behind them. What does not fit a record or
  /// the log is left out. The checksum of record `broken` is wrong, if there is one. Records that
  /// are what and where they were stay as they are.
  void write_to(BlockDevice& disk, std::size_t broken) const;

 private:
  struct Record {
    std::vector<LogOp> ops;
    bool changed = false;
  };

  OriginalLog const* original_;
  std::vector<Record> records_;
};

}  // namespace xfsx::fuzz
