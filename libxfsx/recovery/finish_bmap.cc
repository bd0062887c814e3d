#include "recovery/finish_bmap.h"

#include "exchange/mapping_walk.h"
#include "inode/bmap.h"
#include "inode/extent_counts.h"
#include "inode/fork_editor.h"
#include "quota/move.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

namespace flag = disk::map_intent;

/// The mappings of the fork afterwards, and what of them is new or gone.
struct Outcome {
  std::vector<Mapping> after;
  std::vector<Mapping> moved;
};

Mapping mapping_of(MapChange const& change) {
  return {change.offset, change.start, BlockCount(change.length),
          (change.flags & flag::unwritten) != 0};
}

Result<Outcome> with_mapping(Intent const& intent, std::span<Mapping const> before,
                             Mapping const& added) {
  Outcome out;
  auto const behind = std::ranges::lower_bound(before, added.offset, {}, &Mapping::end);
  auto const next = behind != before.end() && behind->end() == added.offset ? behind + 1 : behind;
  if (next != before.end() && next->offset < added.end()) {
    return bad_intent(intent, {"startoff", added.offset.raw(), next->offset.raw(), Relation::none,
                               "the file has blocks there already"});
  }
  out.after.assign(before.begin(), next);
  out.after.push_back(added);
  out.after.insert(out.after.end(), next, before.end());
  merge_mappings(out.after);
  out.moved.push_back(added);
  return out;
}

Result<Outcome> without_mapping(Intent const& intent, std::span<Mapping const> before,
                                Mapping const& gone) {
  Outcome out;
  u64 found = 0;
  for (Mapping const& m : before) {
    if (m.end() <= gone.offset || m.offset >= gone.end()) {
      out.after.push_back(m);
      continue;
    }
    Mapping const cut = clip_mapping(m, gone.offset, gone.end());
    if (cut.start != gone.start + (cut.offset - gone.offset)) {
      return bad_intent(intent, {"startblock", gone.start.raw(), cut.start.raw(), Relation::equal});
    }
    if (m.offset < cut.offset) out.after.push_back(clip_mapping(m, m.offset, cut.offset));
    if (cut.end() < m.end()) out.after.push_back(clip_mapping(m, cut.end(), m.end()));
    out.moved.push_back(cut);
    found += cut.length.raw();
  }
  if (found != gone.length.raw()) {
    return bad_intent(intent, {"len", gone.length.raw(), found, Relation::equal});
  }
  return out;
}

Result<Outcome> outcome_of(Intent const& intent, std::span<Mapping const> before) {
  MapChange const& change = std::get<BmapIntent>(intent.work).change;
  bool const map = (change.flags & flag::what) == flag::map;
  return map ? with_mapping(intent, before, mapping_of(change))
             : without_mapping(intent, before, mapping_of(change));
}

/// Small counters become large ones where they would run over.
void leave_room_for(Geometry const& geometry, disk::Dinode& core, ForkKind kind, u64 count) {
  u64 const most = kind == ForkKind::data ? (u64{1} << 31) - 1 : (u64{1} << 15) - 1;
  if (count > most && geometry.has(incompat::nrext64)) make_large_extent_counts(core);
}

/// Blocks of the mapping btree are the only ones that quota is told of.
Result<void> count_btree(Transaction& txn, Inode const& inode, Bytes copy, s64 mapped,
                         Timestamp now) {
  QuotaChange change = quota_change(inode.core(), edit_as<disk::Dinode>(copy), 0);
  change.delta.blocks -= mapped;
  XFSX_TRYV(move_quota(txn, {&change, 1}, now, QuotaLimits::ignored));
  return success();
}

Result<Inode> load_target(Volume& volume, Intent const& intent, ForkKind kind) {
  MapChange const& change = std::get<BmapIntent>(intent.work).change;
  XFSX_TRY(Inode inode, load_inode_of(volume, intent, InodeNumber(change.owner)));
  bool const realtime = kind == ForkKind::data && inode.is_realtime();
  if (((change.flags & flag::realtime) != 0) != realtime) {
    return bad_intent(intent, {"flags", change.flags, flag::realtime, Relation::none,
                               "the file is not of the section that the intent names"});
  }
  disk::ForkFormat const format = fork_format(inode, kind);
  bool const maps = format == disk::ForkFormat::extents || format == disk::ForkFormat::btree;
  if (!maps || (kind == ForkKind::attr && !inode.has_attr_fork())) {
    return bad_intent(intent, {"owner", change.owner, 0, Relation::none,
                               "the fork of this inode maps no blocks"});
  }
  return inode;
}

}  // namespace

Result<void> check_bmap(Volume& volume, Intent const& intent) {
  constexpr u32 known = flag::what | flag::attr_fork | flag::unwritten | flag::realtime;
  MapChange const& change = std::get<BmapIntent>(intent.work).change;
  u32 const what = change.flags & flag::what;
  bool const meant = (what == flag::map || what == flag::unmap) && (change.flags & ~known) == 0;
  if (!meant) return bad_intent(intent, {"flags", change.flags, known, Relation::one_of_bits});
  XFSX_TRYV(check_file_range(intent, change.offset, change.length));
  if (change.length > mapping_length_max) {
    return bad_intent(intent, {"len", change.length, mapping_length_max, Relation::at_most});
  }
  bool const realtime = (change.flags & flag::realtime) != 0;
  return check_blocks(volume.geometry(), intent, change.start, change.length, realtime);
}

Result<void> finish_bmap(Finishing& finishing, Intent const& intent) {
  Volume& volume = finishing.bench.volume();
  MapChange const& change = std::get<BmapIntent>(intent.work).change;
  ForkKind const kind = (change.flags & flag::attr_fork) != 0 ? ForkKind::attr : ForkKind::data;
  bool const map = (change.flags & flag::what) == flag::map;
  XFSX_TRY(Inode const inode, load_target(volume, intent, kind));
  XFSX_TRY(std::vector<Mapping> const before, collect_mappings(volume, inode, kind));
  XFSX_TRY(Outcome const outcome, outcome_of(intent, before));

  Transaction txn(volume);
  XFSX_TRY(Bytes const copy, txn.edit_inode(inode.number, inode.place, inode.cluster));
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  s64 const mapped = map ? s64{change.length} : -s64{change.length};
  if (!map && core.nblocks.value() < change.length) {
    return bad_intent(intent, {"len", change.length, core.nblocks.value(), Relation::at_most,
                               "the inode counts fewer blocks"});
  }
  core.nblocks = core.nblocks.value() + static_cast<u64>(mapped);
  leave_room_for(volume.geometry(), core, kind, outcome.after.size());
  Space space(txn);
  XFSX_TRYV(change_fork(txn, space, {inode.number, copy, kind}, before, outcome.after));
  XFSX_TRYV(space.finish());
  XFSX_TRYV(count_btree(txn, inode, copy, mapped, finishing.now));
  RmapWork work;
  work.realtime = kind == ForkKind::data && inode.is_realtime();
  for (Mapping const& m : outcome.moved) {
    u32 const what = map ? disk::rmap_intent::map : disk::rmap_intent::unmap;
    work.changes.push_back(rmap_change(what, inode.number, kind, m));
  }
  XFSX_TRYV(finishing.bench.take(txn));
  finishing.left.emplace_back(std::move(work));
  return success();
}

}  // namespace xfsx::inline v0
