#include "recovery/finish_free.h"

#include "ag/rmap_changes.h"
#include "ag/space.h"
#include "rt/free_space.h"

namespace xfsx::inline v0 {

namespace {

using Record = Rmapbt::Record;

/// The part of an owner's record that the blocks are.
Record part_of(Record const& r, AgBlock first, u32 length) {
  Record part = r;
  part.start = first;
  part.length = length;
  if (r.of_inode() && !r.bmbt_block) part.offset += u64{first.raw()} - r.start.raw();
  return part;
}

/// The record of the blocks; none if they have none. It covers all of them.
Result<std::optional<Record>> record_of(RmapChanges& changes, RmapSource const& source,
                                        AgBlock first, u32 length) {
  XFSX_TRY(std::vector<Record> const records, changes.overlapping(first.raw(), length));
  if (records.empty()) return std::optional<Record>();
  Record const& r = records.front();
  bool const covered =
      records.size() == 1 && r.start <= first && Rmapbt::end(r) >= u64{first.raw()} + length;
  if (!covered) {
    return source.disagrees(first.raw(), "blocks to be freed have several owners, or none in part");
  }
  if (r.owner == disk::rmap_owner::fs || r.owner == disk::rmap_owner::log) {
    return source.disagrees(first.raw(), "blocks to be freed are always in use");
  }
  return std::optional<Record>(r);
}

Result<void> free_extent(Workbench& bench, FreeIntent::Extent const& extent) {
  Volume& volume = bench.volume();
  Geometry const& g = volume.geometry();
  AgNumber const ag = g.ag_of(extent.start);
  BlockCount const length(extent.length);
  Transaction txn(volume);
  Space space(txn);
  std::optional<Record> record;
  AgRmaps source(volume, ag);
  RmapChanges changes(source);
  if (g.has_ro(ro_compat::rmapbt)) {
    XFSX_TRY(record, record_of(changes, source, g.agblock_of(extent.start), extent.length));
  }
  if (record && (!record->of_inode() || record->bmbt_block)) {
    // The AG moves blocks of this owner itself, or of one like it.
    RunOwner const owner{record->owner, record->attr_fork, record->bmbt_block};
    XFSX_TRYV(space.release(extent.start, length, owner));
  } else {
    if (record) {
      XFSX_TRYV(changes.unmap(part_of(*record, g.agblock_of(extent.start), extent.length)));
      XFSX_TRYV(space.change_mappings(ag, changes.edits()));
    }
    XFSX_TRYV(space.release_mapped(extent.start, length));
  }
  XFSX_TRYV(space.finish());
  return bench.take(txn);
}

/// Reverse mappings of realtime blocks go by intents of their own.
Result<void> free_realtime_extents(Workbench& bench, FreeWork const& work) {
  std::vector<BlockRun> runs;
  for (FreeIntent::Extent const& e : work.extents) {
    runs.push_back({e.start, BlockCount(e.length)});
  }
  Transaction txn(bench.volume());
  XFSX_TRYV(RealtimeSpace(txn).release(std::move(runs)));
  return bench.take(txn);
}

}  // namespace

Result<void> check_free(Volume& volume, Intent const& intent) {
  for (FreeIntent::Extent const& e : std::get<FreeIntent>(intent.work).extents) {
    XFSX_TRYV(check_blocks(volume.geometry(), intent, e.start, e.length, intent.realtime));
  }
  return success();
}

Result<void> free_extents(Workbench& bench, FreeWork const& work) {
  if (work.realtime) return free_realtime_extents(bench, work);
  for (FreeIntent::Extent const& e : work.extents) {
    XFSX_TRYV(free_extent(bench, e));
  }
  return success();
}

}  // namespace xfsx::inline v0
