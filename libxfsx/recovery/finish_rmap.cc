#include "recovery/finish_rmap.h"

#include "ag/rmap_changes.h"
#include "ag/space.h"

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

/// The changes to one AG.
struct OfAg {
  OfAg(Volume& volume, AgNumber ag) : source(volume, ag), changes(source) {}
  AgRmaps source;
  RmapChanges changes;
};

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
  if (!volume.geometry().has_ro(ro_compat::rmapbt)) {
    return bad_intent(intent, {"type", static_cast<u64>(intent.type), 0, Relation::none,
                               "the filesystem has no reverse mappings"});
  }
  for (MapChange const& change : std::get<RmapIntent>(intent.work).changes) {
    XFSX_TRYV(check_change(volume, intent, change));
  }
  return success();
}

Result<void> change_rmaps_of_ags(Workbench& bench, std::span<MapChange const> changes) {
  Volume& volume = bench.volume();
  Geometry const& g = volume.geometry();
  if (!g.has_ro(ro_compat::rmapbt)) return success();
  std::map<u32, std::unique_ptr<OfAg>> ags;
  for (MapChange const& change : changes) {
    AgNumber const ag = g.ag_of(change.start);
    std::unique_ptr<OfAg>& found = ags[ag.raw()];
    if (!found) found = std::make_unique<OfAg>(volume, ag);
    Rmapbt::Record const record = record_of(change, g.agblock_of(change.start));
    XFSX_TRYV(apply(found->changes, change.flags & flag::what, record));
  }
  Transaction txn(volume);
  Space space(txn);
  for (auto const& [ag, found] : ags) {
    XFSX_TRYV(space.change_mappings(AgNumber(ag), found->changes.edits()));
  }
  XFSX_TRYV(space.finish());
  return bench.take(txn);
}

}  // namespace xfsx::inline v0
