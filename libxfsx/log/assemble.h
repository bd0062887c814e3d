#pragma once
// What operations in records add up to: transactions, whose items are runs of regions. Operations
// of several transactions may lie between each other, and one region may be spread over several
// records. The rules are those of recovery in Linux, so that both see the same items.

#include "log/log_walk.h"

#include <map>

namespace xfsx::inline v0 {

/// Bytes of an item that were logged as one operation, or as one that was cut at the end of a
/// record.
struct LogRegion {
  std::size_t offset = 0;  ///< in the bytes of the transaction
  std::size_t size = 0;
  u32 block = 0;  ///< the record in which it begins
  u32 op = 0;     ///< which operation of it
};

/// Regions that belong together. `regions` is what the first of them says; fewer may have arrived.
struct LogItemRegions {
  u16 type = 0;
  u16 regions = 0;
  u32 first = 0;        ///< of the transaction's regions
  bool turned = false;  ///< brought from the other byte order into ours
};

/// What one checkpoint logged.
struct LogTransaction {
  u32 tid = 0;
  Lsn lsn{};                 ///< of the record in which it starts
  Lsn commit{};              ///< of the record in which it is committed
  bool committed = false;    ///< otherwise it counts for nothing
  bool pending = false;      ///< starts between tail and head: recovery replays it
  bool other_order = false;  ///< items are big-endian
  u32 header_size = 0;       ///< bytes of `header` that have arrived
  std::array<std::byte, sizeof(disk::TransactionHeader)> header{};
  std::vector<std::byte> bytes;
  std::vector<LogRegion> regions;
  std::vector<LogItemRegions> items;

  /// Regions of an item that have arrived.
  [[nodiscard]] std::span<LogRegion const> regions_of(LogItemRegions const& item) const;
  [[nodiscard]] ConstBytes bytes_of(LogRegion const& region) const {
    return ConstBytes(bytes).subspan(region.offset, region.size);
  }
};

/// Takes what an assembler has put together.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// The log was ended in order here.
  virtual Result<void> unmounted(LogRecord const& record) = 0;
  /// A transaction is whole. An error stops the assembler.
  virtual Result<void> committed(LogTransaction& transaction) = 0;
  /// One that starts before the tail was never committed and is over.
  virtual Result<void> abandoned(LogTransaction& transaction) = 0;
};

class LogAssembler {
 public:
  /// Most transactions under way at a time; Linux has a handful.
  static constexpr std::size_t most_open = 1024;

  explicit LogAssembler(LogSink& sink) : sink_(sink) {}

  /// Takes the operations of the next record. It holds no more bytes than it was fed. Errors: those
  /// of the sink; bad_value located by log block and operation where Linux would give up.
  Result<void> feed(LogRecord const& record);

  /// Hands out, in the order of their starts, what the end of the log left without a commit.
  Result<void> finish();

 private:
  struct Operation {
    LogRecord const& record;
    disk::LogOpHeader const& header;
    ConstBytes payload;
    u32 number;
  };

  Result<void> take(Operation const& op);
  Result<void> start(Operation const& op);
  Result<void> add_region(LogTransaction& transaction, Operation const& op);
  Result<void> add_to_header(LogTransaction& transaction, Operation const& op);
  Result<void> append(LogTransaction& transaction, Operation const& op);
  Result<void> begin_item(LogTransaction& transaction, Operation const& op);
  Result<void> commit(LogTransaction& transaction, Operation const& op);
  Result<void> unmount(Operation const& op);

  LogSink& sink_;
  std::map<u32, LogTransaction> open_;
  LogTransaction spare_;  // of one that is over: its memory serves the next
};

/// "operation 3", for errors.
Error with_operation(Error e, u32 number);

}  // namespace xfsx::inline v0
