#pragma once
// Writing to the log: checkpoints, the unmount record that leaves it clean, and the clearing of
// what an interrupted writer may have left ahead of the head.

#include <xfsx/device.h>

#include "cache/buffer_cache.h"
#include "log/items.h"
#include "log/record.h"

#include <memory>

namespace xfsx::inline v0 {

/// The items of a checkpoint, made one after another while it is written.
class ItemSource {
 public:
  ItemSource() = default;
  ItemSource(ItemSource const&) = delete;
  ItemSource& operator=(ItemSource const&) = delete;
  virtual ~ItemSource() = default;

  /// What all items come to.
  [[nodiscard]] virtual LogSizes sizes() const = 0;
  /// Makes the next item; false after the last. Allocates nothing. What the item points to stays
  /// until the next call.
  virtual Result<bool> next(LogItem& item) = 0;
};

struct CheckpointResult {
  Lsn start{};   ///< of the record with the start: what replayed blocks are stamped with
  Lsn commit{};  ///< of the record with the commit
  Lsn head{};    ///< where the next record goes
  u64 bytes = 0;
  u64 records = 0;
  u64 flushes = 0;
};

class LogWriter {
 public:
  /// What is written and not yet flushed stays below this: the search for the head looks 2 MiB
  /// back, and a hole further behind makes the log unreadable.
  static constexpr u32 batch_bytes = 1U << 20;
  /// What clear_stale() overwrites at most, in basic blocks.
  static constexpr u32 clear_blocks = 4096;
  /// Linux keeps a whole checkpoint in memory while it replays it.
  static constexpr u64 max_checkpoint_bytes = 256U << 20;

  /// The size of records for an operation that logs `sizes`. All records from tail to head must
  /// have one size, so it is chosen once for an operation and its unmount record.
  static u32 record_size_for(LogGeometry const& log, LogSizes const& sizes);

  /// A writer that goes on behind a clean log. Allocates all that later calls need. `record_size`:
  /// a power of two from 32 KiB to 256 KiB, not below the log's unit. Errors: dirty_log; refused
  /// EOPNOTSUPP if the unit is larger or the head not on a sector.
  static Result<std::unique_ptr<LogWriter>> create(BlockDevice& device, LogGeometry const& log,
                                                   LogState const& state, u32 record_size);

  /// A writer that goes on behind the head of a log that may be dirty. Records have the size of
  /// those that are there, since one size is assumed of all that are replayed. Errors: refused
  /// EOPNOTSUPP as by create(), and for a size of records that no kernel writes.
  static Result<std::unique_ptr<LogWriter>> behind(BlockDevice& device, LogGeometry const& log,
                                                   LogState const& state);

  /// Log blocks that a checkpoint of `sizes` occupies at most.
  [[nodiscard]] u64 checkpoint_blocks(LogSizes const& sizes) const;
  /// Log blocks that may be written before the tail has to move: a sixteenth stays free, which has
  /// room for the unmount record.
  [[nodiscard]] u64 free_blocks() const;
  /// From now on the sixteenth counts as free too, but for the room of two unmount records: for a
  /// short checkpoint that moves the tail of a log that is full.
  void use_reserve() { reserve_in_use_ = true; }
  [[nodiscard]] LogState const& state() const { return state_; }
  /// True once the write that holds a commit has been handed to the device: from there on, whether
  /// the checkpoint counts is no longer known until the write has succeeded.
  [[nodiscard]] bool commit_started() const { return commit_started_; }
  /// True once records of a checkpoint have been handed to the device without its commit: after a
  /// failure they make the log dirty, and whoever replays it drops them.
  [[nodiscard]] bool records_started() const { return records_started_; }

  /// For tests of the flush rule: only the commit itself is flushed.
  void leave_unflushed() { flush_batches_ = false; }

  /// Looks at up to 2 MiB ahead of the head. If a block there carries a cycle that it can only have
  /// from records behind a torn end, all of them are overwritten with empty records, so that
  /// leftovers are not taken for records, and flushed. A log without any is not written to.
  /// Errors: io.
  Result<void> clear_stale();

  /// What the record with a checkpoint's commit says of the tail.
  enum class TailAtCommit : u8 {
    as_before,
    at_start,  ///< with the commit, nothing before the checkpoint is needed any more
  };

  /// Writes a checkpoint and makes it durable: on success Linux will replay it. `tail`: the oldest
  /// record still needed; `tid`: any number that the checkpoint before did not have. Errors: those
  /// of `items`, refused ENOSPC before the first write, io (if it came from the commit itself the
  /// checkpoint may be durable or not). After an error from the device every further call fails.
  Result<CheckpointResult> write_checkpoint(ItemSource& items, Lsn tail, u32 tid,
                                            TailAtCommit at_commit = TailAtCommit::as_before);

  /// Writes the unmount record and makes it durable: the log is clean, nothing before it will be
  /// replayed, so everything logged must be durable in its home. Errors: io.
  Result<LogState> write_unmount(Lsn tail, u32 tid);

 private:
  LogWriter(BlockDevice& device, LogGeometry const& log, LogState const& state, u32 record_size);

  Result<void> usable() const;
  Result<void> checked(Result<void> outcome);
  Bytes record_bytes() { return arena_.bytes().subspan(batch_used_, shape_.max_bytes()); }
  void begin_record();
  void end_record();
  Result<void> put(ConstBytes payload, u8 flags);
  void put_part(ConstBytes payload, u8 client, u8 flags, u32 length);
  Result<void> put_items(ItemSource& items);
  Result<void> write_batch(std::size_t bytes, bool durable);
  Result<void> commit(TailAtCommit at_commit);
  static Result<void> check_place(LogGeometry const& log, LogState const& state);
  Result<bool> has_stale(u32 block, u32 count, u32 cycle);
  Result<void> clear_run(u32 block, u32 count, u32 cycle);

  BlockDevice& device_;
  LogGeometry log_;
  RecordShape shape_;
  LogState state_;
  AlignedBytes arena_;
  LogItem item_;
  bool failed_ = false;
  bool commit_started_ = false;
  bool records_started_ = false;
  bool flush_batches_ = true;
  bool reserve_in_use_ = false;

  // The batch of records that is being filled.
  Lsn batch_start_{};           // position of the first record of the batch
  std::size_t batch_used_ = 0;  // bytes of whole records in the arena
  std::size_t last_record_at_ = 0;
  // The record that is being filled, behind them.
  RecordStamp record_{};
  u32 tid_ = 0;
  CheckpointResult result_{};
};

}  // namespace xfsx::inline v0
