#include "recovery/finish_exchange.h"

#include "ag/refcount.h"
#include "exchange/block_counts.h"
#include "exchange/core_update.h"
#include "exchange/mapping_walk.h"
#include "exchange/to_eof.h"
#include "inode/bmap.h"
#include "inode/extent_counts.h"
#include "inode/fork_editor.h"
#include "quota/move.h"

#include <utility>

namespace xfsx::inline v0 {

namespace {

namespace flag = disk::exchange_intent;

ExchangeIntent const& work_of(Intent const& intent) {
  return std::get<ExchangeIntent>(intent.work);
}

ForkKind fork_kind(ExchangeIntent const& work) {
  return (work.flags & flag::attr_fork) != 0 ? ForkKind::attr : ForkKind::data;
}

/// A file of the exchange, its private copy, and the mappings of the fork now and afterwards.
struct Side {
  Inode inode;
  Bytes copy;
  std::vector<Mapping> before{}, after{};

  [[nodiscard]] EditedFile file() const { return {inode, copy}; }
  [[nodiscard]] disk::Dinode& core() const { return edit_as<disk::Dinode>(copy); }
};

/// Both of them; the second is missing where the ranges are of one file.
struct Sides {
  std::vector<Side> list;

  [[nodiscard]] Side& first() { return list.front(); }
  [[nodiscard]] Side& second() { return list.back(); }
};

Result<void> check_generation(Intent const& intent, Inode const& inode, std::string_view field,
                              u32 expected) {
  if (!work_of(intent).has_generations || inode.generation() == expected) return success();
  return bad_intent(intent, {field, expected, inode.generation(), Relation::equal,
                             "the number belongs to another inode by now"});
}

Result<Inode> load_side(Volume& volume, Intent const& intent, u8 operand) {
  ExchangeIntent const& work = work_of(intent);
  bool const first = operand == 1;
  XFSX_TRY(Inode inode, load_inode_of(volume, intent, first ? work.inode1 : work.inode2));
  XFSX_TRYV(first ? check_generation(intent, inode, "igen1", work.generation1)
                  : check_generation(intent, inode, "igen2", work.generation2));
  disk::ForkFormat const format = fork_format(inode, fork_kind(work));
  if (format != disk::ForkFormat::extents && format != disk::ForkFormat::btree) {
    return bad_intent(intent, {first ? "inode1" : "inode2", inode.number.raw(), 0, Relation::none,
                               "the fork of this inode maps no blocks"});
  }
  if (fork_kind(work) == ForkKind::attr && !inode.has_attr_fork()) {
    return bad_intent(intent, {first ? "inode1" : "inode2", inode.number.raw(), 0, Relation::none,
                               "this inode has no attribute fork"});
  }
  return inode;
}

Result<Sides> load_sides(Transaction& txn, Intent const& intent) {
  Volume& volume = txn.volume();
  ExchangeIntent const& work = work_of(intent);
  Sides sides;
  for (u8 operand = 1; operand <= 2; ++operand) {
    if (operand == 2 && work.inode1 == work.inode2) break;
    XFSX_TRY(Inode inode, load_side(volume, intent, operand));
    XFSX_TRY(Bytes const copy, txn.edit_inode(inode.number, inode.place, inode.cluster));
    XFSX_TRY(std::vector<Mapping> before, collect_mappings(volume, inode, fork_kind(work)));
    sides.list.push_back({std::move(inode), copy, std::move(before), {}});
  }
  bool const mixed = fork_kind(work) == ForkKind::data &&
                     sides.first().inode.is_realtime() != sides.second().inode.is_realtime();
  if (mixed) {
    return bad_intent(intent, {"inode2", work.inode2.raw(), 0, Relation::none,
                               "one of the files is a realtime file, the other is not"});
  }
  return sides;
}

/// The ranges that change places. Where units are of several blocks, and the exchange was cut off
/// in the middle of one, the rest of that unit goes along whatever it is.
std::vector<BlockRange> ranges_of(Geometry const& geometry, ExchangeIntent const& work,
                                  Side const& first) {
  BlockRange left{work.start1, work.start2, work.length};
  std::vector<BlockRange> ranges;
  if (left.length.raw() == 0) return ranges;
  if ((work.flags & flag::written_only) == 0) return {left};
  u64 const unit = first.inode.is_realtime() ? geometry.realtime().extent_blocks : 1;
  u64 const within = left.start1.raw() % unit;
  if (within != 0) {
    BlockCount const head(std::min(unit - within, left.length.raw()));
    ranges.push_back({left.start1, left.start2, head});
    left = {left.start1 + head, left.start2 + head, left.length - head};
  }
  for (BlockRange const& r : written_ranges(first.before, left, BlockCount(unit))) {
    ranges.push_back(r);
  }
  return ranges;
}

/// What of one file's range goes to another file's: for the reverse mappings.
struct Moved {
  std::vector<MapChange> unmapped, mapped;

  void add(Side const& from, InodeNumber to, ForkKind kind, FileBlock start, FileBlock target,
           BlockCount length) {
    for (Mapping m : mappings_inside(from.before, start, length)) {
      unmapped.push_back(rmap_change(disk::rmap_intent::unmap, from.inode.number, kind, m));
      m.offset = target + (m.offset - start);
      mapped.push_back(rmap_change(disk::rmap_intent::map, to, kind, m));
    }
  }
};

RmapWork reverse_mappings(Sides& sides, std::span<BlockRange const> ranges, ForkKind kind) {
  Moved moved;
  Side const& first = sides.first();
  Side const& second = sides.second();
  for (BlockRange const& r : ranges) {
    moved.add(first, second.inode.number, kind, r.start1, r.start2, r.length);
    moved.add(second, first.inode.number, kind, r.start2, r.start1, r.length);
  }
  RmapWork work;
  work.realtime = kind == ForkKind::data && first.inode.is_realtime();
  // Nothing has two places at a time.
  work.changes = std::move(moved.unmapped);
  work.changes.insert(work.changes.end(), moved.mapped.begin(), moved.mapped.end());
  return work;
}

Result<void> exchange_ranges(Transaction& txn, Sides& sides, std::span<BlockRange const> ranges,
                             ForkKind kind) {
  if (sides.list.size() == 1) {
    sides.first().after = exchange_within(sides.first().before, ranges);
  } else {
    MappingPair pair = exchange_mappings(sides.first().before, sides.second().before, ranges);
    sides.first().after = std::move(pair.first);
    sides.second().after = std::move(pair.second);
  }
  Space space(txn);
  u8 operand = 0;
  for (Side const& side : sides.list) {
    ++operand;
    if (side.before == side.after) continue;
    XFSX_TRYV(move_blocks(side.file(), mapped_blocks(side.before).raw(),
                          mapped_blocks(side.after).raw(), operand));
    ForkPlace const place{side.inode.number, side.copy, kind};
    XFSX_TRYV(change_fork(txn, space, place, side.before, side.after));
  }
  return space.finish();
}

/// The flags say which file had no shared blocks of its own. Some kernels say so where some of the
/// shared blocks stay: those are looked for.
Result<bool> shares_blocks(Volume& volume, Side const& side, std::span<Mapping const> mappings) {
  Geometry const& g = volume.geometry();
  bool shared = side.inode.is_realtime();  // not looked up; the flag may stay
  for (Mapping const& m : mappings) {
    if (shared) break;
    AgExtent const extent{g.agblock_of(m.start), m.length};
    XFSX_TRYV(
        for_each_shared(volume, g.ag_of(m.start), extent, [&](AgExtent const&) { shared = true; }));
  }
  return shared;
}

Result<void> set_reflink_flags(Volume& volume, Sides& sides, ExchangeIntent const& work) {
  if (fork_kind(work) != ForkKind::data) return success();
  bool const any = sides.first().inode.is_reflink() || sides.second().inode.is_reflink();
  u64 const clear[] = {flag::clear_reflink1, flag::clear_reflink2};
  for (std::size_t i = 0; i < sides.list.size(); ++i) {
    Side const& side = sides.list[i];
    bool on = any;
    if (any && (work.flags & clear[i]) != 0) {
      XFSX_TRY(on, shares_blocks(volume, side, side.after));
    }
    set_reflink(side.core(), on);
  }
  return success();
}

Result<void> count_quota(Transaction& txn, Sides& sides, ForkKind kind, Timestamp now) {
  std::vector<QuotaChange> changes;
  for (Side const& side : sides.list) {
    bool const realtime = kind == ForkKind::data && side.inode.is_realtime();
    s64 const gained =
        static_cast<s64>(mapped_blocks(side.after).raw() - mapped_blocks(side.before).raw());
    changes.push_back(quota_change(side.inode.core(), side.core(), realtime ? gained : 0));
  }
  XFSX_TRYV(move_quota(txn, changes, now, QuotaLimits::ignored));
  return success();
}

void set_sizes(Sides& sides, ExchangeIntent const& work) {
  if ((work.flags & flag::set_sizes) == 0) return;
  sides.first().core().size = work.size1;
  sides.second().core().size = work.size2;
}

/// Whether Linux brings the second fork into its inode where it fits.
bool is_brought_in(Side const& second, ExchangeIntent const& work) {
  bool const metadata = second.inode.is_directory() || second.inode.is_symlink();
  return fork_kind(work) == ForkKind::attr || metadata || (work.flags & flag::bring_in2) != 0;
}

Result<void> check_range(Intent const& intent) {
  ExchangeIntent const& work = work_of(intent);
  if (work.length.raw() == 0) return success();  // only what follows the exchange is left
  XFSX_TRYV(check_file_range(intent, work.start1, work.length.raw()));
  XFSX_TRYV(check_file_range(intent, work.start2, work.length.raw()));
  bool const overlap = work.inode1 == work.inode2 && work.start1 < work.start2 + work.length &&
                       work.start2 < work.start1 + work.length;
  if (!overlap) return success();
  return bad_intent(intent, {"startoff2", work.start2.raw(), work.start1.raw(), Relation::none,
                             "the ranges are of one file and overlap"});
}

}  // namespace

Result<void> check_exchange(Volume& volume, Intent const& intent) {
  ExchangeIntent const& work = work_of(intent);
  Features const& features = volume.geometry().features();
  bool const announced =
      features.has_incompat(incompat::exchrange) || (features.log_incompat >> 31) != 0;
  if (!announced) {
    return bad_intent(intent, {"type", static_cast<u64>(intent.type), 0, Relation::none,
                               "the filesystem has no feature for exchanges"});
  }
  u64 const known = work.has_generations ? flag::of_xmi : flag::of_sxi;
  if ((work.flags & ~known) != 0) {
    return bad_intent(intent, {"flags", work.flags, known, Relation::one_of_bits});
  }
  if ((work.flags & flag::set_sizes) != 0) {
    for (u64 const size : {work.size1, work.size2}) {
      if (size <= file_size_max) continue;
      return bad_intent(intent, {size == work.size1 ? "isize1" : "isize2", size, file_size_max,
                                 Relation::at_most});
    }
  }
  return check_range(intent);
}

Result<void> finish_exchange(Finishing& finishing, Intent const& intent) {
  Volume& volume = finishing.bench.volume();
  ExchangeIntent const& work = work_of(intent);
  ForkKind const kind = fork_kind(work);
  Transaction txn(volume);
  XFSX_TRY(Sides sides, load_sides(txn, intent));
  if (volume.geometry().has(incompat::nrext64)) {
    for (Side const& side : sides.list) make_large_extent_counts(side.core());
  }
  std::vector<BlockRange> const ranges = ranges_of(volume.geometry(), work, sides.first());
  XFSX_TRYV(exchange_ranges(txn, sides, ranges, kind));
  set_sizes(sides, work);
  XFSX_TRYV(set_reflink_flags(volume, sides, work));
  XFSX_TRYV(count_quota(txn, sides, kind, finishing.now));
  for (Side const& side : sides.list) count_change(side.core());
  XFSX_TRYV(finishing.bench.take(txn));
  finishing.left.emplace_back(reverse_mappings(sides, ranges, kind));
  if (is_brought_in(sides.second(), work)) {
    finishing.left.emplace_back(BringInWork{sides.second().inode.number, kind});
  }
  return success();
}

}  // namespace xfsx::inline v0
