#include "recovery/recovery.h"

#include "recovery/interrupted.h"
#include "recovery/last_path.h"
#include "recovery/recount.h"
#include "recovery/replayed_device.h"
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

// A log holds the same blocks again and again, and of each a part that is seldom so small.
constexpr u64 least_memory = u64{1} << 30, memory_factor = 32;

/// What no kernel changes in a superblock as long as there are files.
struct Constant {
  std::string_view field;
  u64 (*of)(Geometry const&);
};
constexpr Constant constants[] = {
    {"blocksize", [](Geometry const& g) -> u64 { return g.block_size(); }},
    {"sectsize", [](Geometry const& g) -> u64 { return g.sector_size(); }},
    {"inodesize", [](Geometry const& g) -> u64 { return g.inode_size(); }},
    {"dirblklog", [](Geometry const& g) -> u64 { return g.dir_block_blocks(); }},
    {"agblocks", [](Geometry const& g) -> u64 { return g.ag_blocks(); }},
    {"versionnum", [](Geometry const& g) -> u64 { return g.version().self_describing ? 5 : 4; }},
    {"logstart", [](Geometry const& g) -> u64 { return g.log_start().raw(); }},
    {"logblocks", [](Geometry const& g) -> u64 { return g.log_blocks(); }},
    {"logsunit", [](Geometry const& g) -> u64 { return g.log_unit(); }},
    {"logsectsize", [](Geometry const& g) -> u64 { return g.log_sector_size(); }},
    {"versionnum", [](Geometry const& g) -> u64 { return g.has_log_v2() ? 2 : 1; }},
};

/// Errors: bad_value where what was replayed would move the log or cut the filesystem differently.
Result<void> check_unchanged(Geometry const& before, Geometry const& after) {
  Location where;
  where.kind = AddressKind::daddr;
  for (Constant const& constant : constants) {
    u64 const found = constant.of(after), expected = constant.of(before);
    if (found == expected) continue;
    Error e = located(Errc::bad_value, disk::Layout<disk::Superblock>::name, where);
    e.field = constant.field;
    e.relation = Relation::equal;
    e.found.number = found;
    e.expected.number = expected;
    e.reason = "the log would change what never changes";
    return e;
  }
  bool const same = before.uuid() == after.uuid() && before.meta_uuid() == after.meta_uuid();
  if (same) return success();
  Error e = located(Errc::bad_value, disk::Layout<disk::Superblock>::name, where);
  e.field = before.uuid() == after.uuid() ? "meta_uuid" : "uuid";
  e.reason = "the log would change what never changes";
  return e;
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

/// The superblock as the log makes it, or finishing after it: what is written must be readable.
Result<void> Recovery::check_superblock() {
  Geometry const& before = before_->geometry();
  ReplayedDevice device(blocks_);
  AlignedBytes sector(before.sector_size());
  ReadRequest const request{0, sector.bytes()};
  XFSX_TRYV(device.read({&request, 1}));
  DeviceInfo const info = device.info();
  XFSX_TRY(Geometry const after,
           Geometry::from_superblock(sector.bytes(), {info.size, info.logical_sector}));
  return check_unchanged(before, after);
}

Result<void> Recovery::replay() {
  Geometry const& geometry = before_->geometry();
  XFSX_TRY(LogPlace const place, place_log(geometry, device_, request_.devices.log));
  if (geometry.has_internal_log()) {
    blocks_.keep_out_of(place.log.start, SectorCount(place.log.blocks));
  }
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
  blocks_.limit_to(least_memory + memory_factor * report_.log_blocks * basic_block_size);
  XFSX_TRY(ReplayResult replayed, replay_log(blocks_, geometry, place, log_, options));
  XFSX_TRYV(check_superblock());
  FurtherDevices const& further = request_.devices;
  XFSX_TRYV(mend_split_directories(blocks_, further, log_, geometry, replayed.logged_inodes));
  blocks_.end_replay();
  add_replay(replayed.counts);
  add_lost(replayed);
  report_.inodes = replayed.inodes.size();
  owners_changed_ = replayed.owners_changed;
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
  XFSX_TRY(bench_, Workbench::open(blocks_, request_.devices, log_));
  XFSX_TRYV(recount(*bench_));
  XFSX_TRY(report_.after, read_counters(bench_->volume()));
  return check_superblock();
}

Result<void> Recovery::try_to_finish() {
  XFSX_TRY(bench_, Workbench::open(blocks_, request_.devices, log_));
  XFSX_TRYV(recount(*bench_));
  XFSX_TRY(Finished const finished, finish_interrupted(*bench_, intents_, request_.now));
  report_.freed = finished.freed;
  for (FreedFile& f : report_.freed) {
    XFSX_TRY(f.path, last_path(*before_, bench_->volume(), f.inode));
  }
  report_.staging_blocks = finished.staging_blocks;
  XFSX_TRY(report_.after, read_counters(bench_->volume()));
  return check_superblock();
}

Result<void> Recovery::judge(u64 early_from) {
  Geometry const& geometry = bench_->volume().geometry();
  // The log stays where it is, however the filesystem grows.
  XFSX_TRY(LogPlace const place, place_log(geometry, device_, request_.devices.log));
  // Before version 5, inodes have no LSN. And Linux reads an inode whose blocks change their owner.
  bool const early = geometry.version().self_describing && !owners_changed_;
  XFSX_TRY(seal_, Seal::prepare(blocks_, geometry, place, log_, intents_,
                                {.allowed = early, .from = early_from}));
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
