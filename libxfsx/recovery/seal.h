#pragma once
// From blocks in memory to a clean log: the one place where recovery writes. See
// docs/decisions/0019-recovery-is-one-checkpoint.md.
//
//   prepare   what will be logged and written is found, and the free log judged; nothing is written
//   run       stale log blocks are cleared; the checkpoint goes out, whose commit moves the tail to
//             its own start; the blocks go home; the unmount record
//
// If that is much, inode clusters go home first and are not logged.
// Where the log has no room for that, what the log replays goes home first. If something remains to
// be logged then, and there is no room for that either, a checkpoint with the open intents as they
// were moves the tail.

#include "log/log_writer.h"
#include "recovery/intent.h"
#include "recovery/replayed_blocks.h"

#include <functional>
#include <memory>

namespace xfsx::inline v0 {

/// How far recovery has come.
enum class SealStage : u8 {
  first_write,  ///< the first byte is about to be written
  durable,      ///< the log says how it ends: what was decided holds
  home,         ///< every changed block is in its place and stable
  clean,        ///< the unmount record is stable
};

struct SealReport {
  u64 log_bytes = 0;
  u64 home_writes = 0, home_bytes = 0;
  bool home_first = false;  ///< the log was too full: blocks went home before the checkpoint
  LogState log{};
};

/// Whether inode clusters may go home before the log is done with them, and from how many bytes to
/// be logged on they do.
struct Early {
  bool allowed = false;
  u64 from = LogWriter::batch_bytes;
};

struct SealOptions {
  std::function<void(SealStage)> on_stage;
};

class Seal {
 public:
  /// `place` and `state`: the log that was replayed; `intents`: those that were open in it. All of
  /// it lives longer than the seal. Errors: refused EFBIG if even a log without old records has no
  /// room; those of LogWriter::behind.
  static Result<std::unique_ptr<Seal>> prepare(ReplayedBlocks& blocks, Geometry const& geometry,
                                               LogPlace const& place, LogState const& state,
                                               std::span<Intent const> intents, Early const& early);

  [[nodiscard]] SealReport const& report() const { return report_; }

  /// Writes. Errors: io, host_full, with Error::image; once.
  Result<SealReport> run(SealOptions const& options);

 private:
  Seal(ReplayedBlocks& blocks, Geometry const& geometry, LogPlace const& place,
       std::span<Intent const> intents)
      : blocks_(blocks), geometry_(geometry), place_(place), intents_(intents) {}

  Result<void> judge(LogState const& state, Early const& early);
  void send_clusters_home();
  Result<void> judge_home_first();
  [[nodiscard]] Result<bool> only_counted() const;
  [[nodiscard]] bool fits(ItemSource const& items, u64 free) const;
  [[nodiscard]] u64 checkpoint_blocks() const;
  Result<void> reserve();
  Result<void> clear_newer();
  Result<void> reserve_log(u64 first, u64 count);
  Result<void> write_sequence();
  Result<void> write_home(std::vector<WriteRequest> const& writes);
  Result<void> checkpoint(ItemSource& items);
  [[nodiscard]] u32 next_tid() const;
  void reached(SealStage stage) const {
    if (options_.on_stage) options_.on_stage(stage);
  }

  ReplayedBlocks& blocks_;
  Geometry const& geometry_;
  LogPlace place_;
  std::span<Intent const> intents_;
  SealOptions options_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<ItemSource> changes_;   // all; with `home_first` those that finish, if any
  std::unique_ptr<ItemSource> reminder_;  // what keeps the log alive without its old records
  std::vector<WriteRequest> first_home_, last_home_;
  AlignedBytes zeros_;
  SealReport report_;
};

}  // namespace xfsx::inline v0
