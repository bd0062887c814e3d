#include "recovery/finish_rmap.h"

#include "ag/rmap_changes.h"
#include "ag/space.h"
#include "rt/rmap_source.h"
#include "rt/rmaps.h"

#include <map>
#include <memory>

namespace xfsx::inline v0 {

namespace {

namespace flag = disk::rmap_intent;

/// Owners that are no inodes have the top bit set.
bool is_special(u64 owner) {
  return owner >> 63 != 0;
}

Rmapbt::Record record_of(MapChange const& change, AgBlock start) {
  Rmapbt::Record r;
  r.start = start;
  r.length = change.length;
  r.owner = change.owner;
  r.attr_fork = (change.flags & flag::attr_fork) != 0;
  r.bmbt_block = (change.flags & flag::bmbt_block) != 0;
  r.unwritten = (change.flags & flag::unwritten) != 0;
  if (!is_special(change.owner) && !r.bmbt_block) r.offset = change.offset.raw();
  return r;
}

Result<void> apply(RmapChanges& changes, u32 what, Rmapbt::Record const& record) {
  switch (what) {
    case flag::map:
    case flag::map_shared:
    case flag::alloc:
      return changes.map(record);
    case flag::unmap:
    case flag::unmap_shared:
    case flag::free:
      return changes.unmap(record);
    default:
      return changes.convert(record);
  }
}

/// The changes to the tree of one AG or realtime group.
struct OfTree {
  explicit OfTree(std::unique_ptr<RmapSource> from) : source(std::move(from)), changes(*source) {}
  std::unique_ptr<RmapSource> source;
  RmapChanges changes;
};

/// Where a block has its reverse mappings: the tree, and its number there.
struct Place {
  u32 tree = 0;
  AgBlock block;
};

Place place_of(Geometry const& g, FsBlock block, bool realtime) {
  if (!realtime) return {g.ag_of(block).raw(), g.agblock_of(block)};
  u64 const number = g.realtime().block_in_group(block);
  return {g.realtime().group_of(block), AgBlock(static_cast<u32>(number))};
}

std::unique_ptr<RmapSource> open_tree(Volume& volume, u32 number, bool realtime) {
  if (realtime) return std::make_unique<RealtimeRmaps>(volume, number);
  return std::make_unique<AgRmaps>(volume, AgNumber(number));
}

Result<void> check_change(Volume& volume, Intent const& intent, MapChange const& change) {
  constexpr u32 known = flag::what | flag::attr_fork | flag::bmbt_block | flag::unwritten;
  u32 const what = change.flags & flag::what;
  bool const meant = what >= flag::map && what <= flag::free && (change.flags & ~known) == 0;
  if (!meant) return bad_intent(intent, {"flags", change.flags, known, Relation::one_of_bits});
  if (is_special(change.owner)) {
    bool const has_blocks =
        change.owner <= disk::rmap_owner::fs && change.owner >= disk::rmap_owner::cow;
    if (!has_blocks) {
      return bad_intent(intent, {"owner", change.owner, 0, Relation::none, "no such owner"});
    }
  } else if (!volume.geometry().valid(InodeNumber(change.owner))) {
    return bad_intent(intent,
                      {"owner", change.owner, 0, Relation::none, "no inode can have this number"});
  } else if ((change.flags & flag::bmbt_block) == 0) {
    XFSX_TRYV(check_file_range(intent, change.offset, change.length));
  }
  return check_blocks(volume.geometry(), intent, change.start, change.length, intent.realtime);
}

}  // namespace

Result<void> check_rmap(Volume& volume, Intent const& intent) {
  Geometry const& g = volume.geometry();
  if (!g.has_ro(ro_compat::rmapbt) || (intent.realtime && !g.realtime().groups)) {
    return bad_intent(intent, {"type", static_cast<u64>(intent.type), 0, Relation::none,
                               "the filesystem has no reverse mappings"});
  }
  for (MapChange const& change : std::get<RmapIntent>(intent.work).changes) {
    XFSX_TRYV(check_change(volume, intent, change));
  }
  return success();
}

Result<void> change_rmaps(Workbench& bench, RmapWork const& work) {
  Volume& volume = bench.volume();
  Geometry const& g = volume.geometry();
  if (!g.has_ro(ro_compat::rmapbt) || (work.realtime && !g.realtime().groups)) return success();
  std::map<u32, std::unique_ptr<OfTree>> trees;
  for (MapChange const& change : work.changes) {
    Place const place = place_of(g, change.start, work.realtime);
    std::unique_ptr<OfTree>& found = trees[place.tree];
    if (!found) found = std::make_unique<OfTree>(open_tree(volume, place.tree, work.realtime));
    u32 const what = change.flags & flag::what;
    XFSX_TRYV(apply(found->changes, what, record_of(change, place.block)));
  }
  Transaction txn(volume);
  Space space(txn);
  for (auto const& [number, found] : trees) {
    std::vector<BtreeEdit<Rmapbt>> edits = found->changes.edits();
    XFSX_TRYV(work.realtime ? change_group_rmaps(txn, space, number, edits)
                            : space.change_mappings(AgNumber(number), std::move(edits)));
  }
  XFSX_TRYV(space.finish());
  return bench.take(txn);
}

}  // namespace xfsx::inline v0
