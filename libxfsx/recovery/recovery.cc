#include "recovery/recovery.h"

#include "recovery/interrupted.h"
#include "recovery/recount.h"
#include "recovery/split_directories.h"

#include <new>

namespace xfsx::inline v0 {

namespace {

/// What recovery must understand before it may write: it judges no structure by these bits, but
/// what they stand for could want more than is done. Errors: refused EOPNOTSUPP.
Result<void> check_features(Geometry const& geometry) {
  Features const& f = geometry.features();
  if ((f.ro_compat & ~ro_compat::known) != 0) {
    return refuse(EOPNOTSUPP, "the filesystem has unknown ro_compat features");
  }
  if ((f.log_incompat & ~log_incompat::known) != 0) {
    return refuse(EOPNOTSUPP, "the log has unknown features (log_incompat)");
  }
  return success();
}

}  // namespace

Result<bool> has_dirty_log(BlockDevice& device, FurtherDevices const& further) {
  Result<std::unique_ptr<Volume>> const volume = Volume::open(device, further);
  if (!volume) {
    if (volume.error().code == Errc::io) return volume.error();
    return false;
  }
  Result<LogState> const& log = volume.value()->log();
  return log && !log.value().clean;
}

Result<std::unique_ptr<Recovery>> Recovery::prepare(BlockDevice& device,
                                                    RecoverRequest const& request) {
  std::unique_ptr<Recovery> recovery(new Recovery(device, request));
  XFSX_TRYV(recovery->open());
  if (recovery->was_clean()) return recovery;
  XFSX_TRYV(recovery->replay());
  XFSX_TRYV(recovery->finish());
  return recovery;
}

Result<void> Recovery::open() {
  XFSX_TRY(before_, Volume::open(device_, request_.devices));
  XFSX_TRY(log_, before_->log());
  report_.was_clean = log_.clean;
  report_.torn = log_.torn;
  report_.head = log_.head;
  report_.tail = log_.tail;
  return log_.clean ? Result<void>(success()) : check_features(before_->geometry());
}

void Recovery::add_replay(ReplayCounts const& counts) {
  report_.transactions = counts.transactions;
  report_.uncommitted = counts.uncommitted;
  for (auto const& [name, count] : counts.by_name) report_.items.push_back({name, count});
}

void Recovery::add_lost(ReplayResult const& replayed) {
  report_.lost.damage = replayed.damage;
  for (LostTransaction const& lost : replayed.lost) {
    LostChanges changes{lost.lsn, lost.items, {}};
    for (u64 const inode : lost.inodes) changes.inodes.emplace_back(inode);
    report_.lost.transactions.push_back(std::move(changes));
  }
}

Result<void> Recovery::replay() {
  Geometry const& geometry = before_->geometry();
  XFSX_TRY(LogPlace const place, place_log(geometry, device_, request_.devices.log));
  u32 const head = log_.head.block().raw(), tail = log_.tail.block().raw();
  report_.log_blocks = (u64{head} + place.log.blocks - tail) % place.log.blocks;
  ReplayOptions options;
  options.salvage = request_.salvage;
  options.progress = [this](u64 done, u64 total) -> Result<void> {
    if (request_.progress) request_.progress(done, total);
    bool const stop = request_.cancelled && request_.cancelled();
    return stop ? Result<void>(make_error(Errc::cancelled, ECANCELED, "cancelled"))
                : Result<void>(success());
  };
  XFSX_TRY(ReplayResult replayed, replay_log(blocks_, geometry, place, log_, options));
  XFSX_TRYV(mend_split_directories(blocks_, request_.devices, geometry, replayed.logged_inodes));
  blocks_.end_replay();
  add_replay(replayed.counts);
  add_lost(replayed);
  report_.inodes = replayed.inodes.size();
  intents_ = std::move(replayed.intents);
  for (Intent const& intent : intents_) {
    report_.intents.push_back({intent.name, intent.id, intent.lsn});
  }
  return success();
}

Result<void> Recovery::finish() {
  Result<SpaceCounters> const before = read_counters(*before_);
  if (before) report_.before = before.value();
  Result<void> const finished = try_to_finish();
  bool const give_up = !finished && request_.salvage && finished.error().code != Errc::io &&
                       finished.error().code != Errc::cancelled;
  if (!give_up) return finished;
  // What half of it was done is forgotten with the workbench: once more without finishing.
  report_.lost.unfinished = finished.error();
  blocks_.forget_finished();
  XFSX_TRY(bench_, Workbench::open(blocks_, request_.devices));
  XFSX_TRYV(recount(*bench_));
  XFSX_TRY(report_.after, read_counters(bench_->volume()));
  return success();
}

Result<void> Recovery::try_to_finish() {
  XFSX_TRY(bench_, Workbench::open(blocks_, request_.devices));
  XFSX_TRYV(recount(*bench_));
  XFSX_TRY(Finished const finished, finish_interrupted(*bench_, intents_, request_.now));
  report_.freed = finished.freed;
  report_.staging_blocks = finished.staging_blocks;
  XFSX_TRY(report_.after, read_counters(bench_->volume()));
  return success();
}

Result<void> Recovery::judge() {
  Geometry const& geometry = bench_->volume().geometry();
  // The log stays where it is, however the filesystem grows.
  XFSX_TRY(LogPlace const place, place_log(geometry, device_, request_.devices.log));
  XFSX_TRY(seal_, Seal::prepare(blocks_, geometry, place, log_, intents_));
  report_.blocks = blocks_.blocks().size();
  report_.log_bytes = seal_->report().log_bytes;
  report_.home_writes = seal_->report().home_writes;
  report_.home_bytes = seal_->report().home_bytes;
  return success();
}

Result<void> Recovery::run(SealOptions const& options) {
  if (!seal_) {
    XFSX_TRYV(judge());
  }
  XFSX_TRY(SealReport const done, seal_->run(options));
  report_.log_bytes = done.log_bytes;
  return success();
}

Result<RecoverReport> recover(BlockDevice& device, RecoverRequest const& request) {
  try {
    XFSX_TRY(std::unique_ptr<Recovery> const recovery, Recovery::prepare(device, request));
    if (recovery->was_clean()) return recovery->report();
    XFSX_TRYV(recovery->judge());
    if (request.dry_run) return recovery->report();
    bool const refused =
        recovery->loses() && request.accept_loss && !request.accept_loss(recovery->report());
    if (refused) return make_error(Errc::cancelled, ECANCELED, "the loss was not accepted");
    XFSX_TRYV(recovery->run({}));
    return recovery->report();
  } catch (std::bad_alloc const&) {
    return make_error(Errc::no_memory, ENOMEM, {});
  }
}

}  // namespace xfsx::inline v0
