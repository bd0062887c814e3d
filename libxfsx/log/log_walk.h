#pragma once
// The records of the log from the oldest to the head, each whole and with the words that the cycle
// numbers displaced put back. What recovery will read (tail to head) must be right to the last bit;
// before the tail is history, of which whatever is still whole is handed out and the rest skipped.

#include "log/log_reader.h"

namespace xfsx::inline v0 {

/// A whole record.
struct LogRecord {
  u32 block = 0;  ///< log block of its header
  disk::LogRecordHeader header{};
  u32 header_blocks = 1;
  bool pending = false;  ///< between tail and head: recovery reads it
  ConstBytes data{};     ///< what follows the header blocks; valid until the next record is read
};

class LogWalk {
 public:
  /// Where to begin: at the oldest record that is whole, or at the tail.
  enum class From : u8 { oldest, tail };

  /// What becomes of a record between tail and head that is not whole. Of older ones, remains are
  /// passed over always.
  enum class Damaged : u8 { is_error, is_passed_over };

  LogWalk(BlockDevice& device, LogGeometry const& log, LogState const& state, From from,
          Damaged damaged = Damaged::is_error);

  /// The next record, or nothing at the head. Errors, located by log block: io; bad_value and
  /// bad_crc of a record between tail and head.
  Result<std::optional<LogRecord>> next();

 private:
  [[nodiscard]] u32 block() const { return reader_.wrap(u64{state_.head.block().raw()} + at_); }
  [[nodiscard]] u32 end_of_zone() const { return at_ < pending_from_ ? pending_from_ : end_; }
  Result<void> load(u32 count);
  Result<void> check(LogRecord const& record);
  Result<void> check_place(LogRecord const& record) const;
  Result<bool> is_stamped(LogRecord const& record);
  Result<void> read_data(LogRecord& record);
  Result<u32> displaced_word(LogRecord const& record, u32 data_block);

  LogReader reader_;
  bool pass_over_;
  LogState state_;
  u32 end_ = 0;           // blocks from the head round the log to the head
  u32 pending_from_ = 0;  // blocks from the head round the log to the tail
  u32 at_ = 0;            // blocks from the head to what is read next
  Lsn last_{};            // of the record before
  std::vector<std::byte> data_;
};

}  // namespace xfsx::inline v0
