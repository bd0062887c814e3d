#pragma once
// Chosen transactions for a log: for tests, and for people who look for faults in those who replay
// logs. What is written need not make sense. Unlike a checkpoint of LogWriter, what is composed may
// be of another machine's byte order, lack its commit, share records with others, go on behind a
// dirty log; and a power failure in between is nobody's concern.

#include "log/composed_item.h"
#include "log/find_head.h"
#include "log/log_writer.h"

namespace xfsx::inline v0 {

struct ComposeOptions {
  u32 record_size = 0;  ///< bytes; 0: as for any checkpoint of that size
  u32 tid = 0x78667378;
  u32 format = disk::log_format_linux_le;  ///< h_fmt, and with it the byte order of the items
  bool commit = true;                      ///< otherwise recovery drops it
};

/// Writes a checkpoint of `items` behind the head of a log and leaves the log dirty, so that the
/// next mount replays it. All records that are replayed together must have one size: behind a dirty
/// log that size is taken, whatever `options` say. Errors: those of find_log_head(); refused ENOSPC
/// where it does not fit; io.
Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            std::span<ComposedItem const> items,
                                            ComposeOptions const& options);
Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            std::span<LogItem const> items,
                                            ComposeOptions const& options);

/// The same as LogWriter would write it, items made one after another. The log must be clean, and
/// of the options, `record_size` and `tid` count. Errors: those of find_log_head() and LogWriter.
Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            ItemSource& items, ComposeOptions const& options);

/// What a transaction logs, and whether it ends.
struct ComposedTransaction {
  u32 tid = 0;
  bool commit = true;
  std::vector<ComposedItem> items;

  [[nodiscard]] LogSizes sizes() const;
};

/// Writes transactions behind each other.
class LogComposer {
 public:
  struct Options {
    u32 record_size = min_log_record_size;
    u32 format = disk::log_format_linux_le;
    /// A transaction begins in the record in which the one before ended, as in a busy log; their
    /// blocks then get one LSN.
    bool share_records = false;
  };

  /// A composer that goes on at `state.head`; records name `state.tail` as theirs. Errors: refused
  /// EINVAL for a size of records that the log cannot have.
  static Result<LogComposer> create(BlockDevice& device, LogGeometry const& log,
                                    LogState const& state, Options const& options);

  /// Adds a transaction. Errors: refused ENOSPC where the log ends; io.
  Result<void> add(ComposedTransaction const& transaction);
  /// Writes what the last record holds, and flushes. `start` and `commit` are of the last
  /// transaction.
  Result<CheckpointResult> finish();

 private:
  LogComposer(BlockDevice& device, LogGeometry const& log, LogState const& state,
              Options const& options);

  Result<void> put(ConstBytes payload, u8 flags);
  void put_part(ConstBytes payload, u8 flags);
  [[nodiscard]] bool other_order() const { return options_.format != disk::log_format_linux_le; }
  Result<void> put_transaction_header(ComposedTransaction const& transaction);
  Result<void> put_item(ComposedItem const& item);
  Result<void> end_record();

  BlockDevice* device_;
  LogGeometry log_;
  Options options_;
  RecordShape shape_;
  AlignedBytes bytes_;
  RecordStamp record_{};
  u64 left_ = 0;  // blocks that may be written
  u32 tid_ = 0;
  CheckpointResult result_{};
};

/// Overwrites the whole log: whoever looks for its head finds the log empty, and the first record
/// belongs at block 0 in `cycle`, which is at least 2. Errors: io.
Result<void> clear_log(BlockDevice& device, LogGeometry const& log, u32 cycle);

/// Whether a record that is damaged on purpose shows it.
enum class Checksum : u8 { as_it_was, made_right };

/// Changes bytes of the record at `block`: at `offset` of its operations, which lie behind the
/// header blocks. Errors: bad_value if no record begins there, or it is not so long; io.
Result<void> damage_record(BlockDevice& device, LogGeometry const& log, LogBlock block, u32 offset,
                           ConstBytes bytes, Checksum checksum);

}  // namespace xfsx::inline v0
