#pragma once
// Recovery from beginning to end, in memory; and the step that makes it real.

#include "recovery/replayer.h"
#include "recovery/seal.h"
#include "recovery/workbench.h"

#include <xfsx/recover.h>

namespace xfsx::inline v0 {

/// Whether a filesystem lies on `device` whose log is dirty; of what cannot be understood, no.
/// Errors: io.
Result<bool> has_dirty_log(BlockDevice& device, FurtherDevices const& further);

class Recovery {
 public:
  /// Replays the log of `device` in memory and finishes what was interrupted there. Writes nothing.
  /// Errors: those of recover() that come before the first write.
  static Result<std::unique_ptr<Recovery>> prepare(BlockDevice& device,
                                                   RecoverRequest const& request);

  /// After judge(): whether the log is so full that blocks go home before anything is logged.
  [[nodiscard]] bool goes_home_first() const { return seal_->report().home_first; }
  /// Whether something that the log holds is given up.
  [[nodiscard]] bool loses() const { return report_.lost.damage || report_.lost.unfinished; }
  /// True if the log was clean: there is nothing to recover, and no view.
  [[nodiscard]] bool was_clean() const { return report_.was_clean; }
  [[nodiscard]] RecoverReport const& report() const { return report_; }
  /// The filesystem as it will be; only if the log was dirty.
  [[nodiscard]] Volume& view() { return bench_->volume(); }
  [[nodiscard]] BlockDevice& device() { return bench_->device(); }

  /// Whether, and with what, it can be written. Errors: refused EFBIG where the log has no room,
  /// EOPNOTSUPP for a log that cannot be written to. From `early_from` bytes to be logged on, inode
  /// clusters go home first.
  Result<void> judge(u64 early_from = LogWriter::batch_bytes);

  /// Judges, if that was not done, writes all of it, and leaves a clean log; once. Errors: those of
  /// judge(); io, host_full with Error::image.
  Result<void> run(SealOptions const& options);

 private:
  Recovery(BlockDevice& device, RecoverRequest const& request)
      : device_(device), request_(request), blocks_(device) {}

  Result<void> open();
  Result<void> replay();
  Result<void> check_superblock();
  Result<void> finish();
  Result<void> try_to_finish();
  void add_lost(ReplayResult const& replayed);
  void add_replay(ReplayCounts const& counts);

  BlockDevice& device_;
  RecoverRequest request_;
  ReplayedBlocks blocks_;
  std::unique_ptr<Volume> before_;  // the filesystem as it lies on the device
  LogState log_;
  std::vector<Intent> intents_;
  bool owners_changed_ = false;
  std::unique_ptr<Workbench> bench_;
  std::unique_ptr<Seal> seal_;
  RecoverReport report_;
};

}  // namespace xfsx::inline v0
