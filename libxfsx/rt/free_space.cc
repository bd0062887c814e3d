#include "rt/free_space.h"

#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "format/verify_realtime.h"
#include "rt/group_tree.h"
#include "rt/word_file.h"

#include <algorithm>
#include <bit>

namespace xfsx::inline v0 {

namespace {

constexpr u32 word_bits = 32;

Result<BufferRef> superblock_of(Transaction& txn) {
  SectorCount const sector(txn.volume().geometry().sector_size() / basic_block_size);
  return txn.read(superblock_kind, Daddr(0), sector);
}

/// The files of a group, or of the section where there are no groups.
Result<Inode> find_file(Transaction& txn, u32 group, disk::MetaType type) {
  Volume& volume = txn.volume();
  if (volume.geometry().realtime().groups) return find_group_file(volume, group, type);
  XFSX_TRY(BufferRef const block, superblock_of(txn));
  auto const& sb = view_as<disk::Superblock>(block->bytes());
  return load_inode(volume, (type == disk::MetaType::rt_bitmap ? sb.rbmino : sb.rsumino).value());
}

/// Bits of a word from `first` on, `count` of them.
u32 bits(u32 first, u32 count) {
  u64 const run = (u64{1} << count) - 1;
  return static_cast<u32>(run << first);
}

}  // namespace

/// Bitmap and summary of one group; extents are counted from its start.
class RealtimeSpace::OfGroup {
 public:
  static Result<std::unique_ptr<OfGroup>> open(Transaction& txn, u32 group) {
    bool const groups = txn.volume().geometry().realtime().groups;
    XFSX_TRY(Inode const bitmap_file, find_file(txn, group, disk::MetaType::rt_bitmap));
    XFSX_TRY(Inode const summary_file, find_file(txn, group, disk::MetaType::rt_summary));
    XFSX_TRY(WordFile bitmap,
             WordFile::open(txn, bitmap_file, groups ? rt_bitmap_kind : plain_rt_bitmap_kind));
    XFSX_TRY(WordFile summary,
             WordFile::open(txn, summary_file, groups ? rt_summary_kind : plain_rt_summary_kind));
    RealtimeShape const& shape = txn.volume().geometry().realtime();
    u64 const extents = shape.blocks_of(group) / shape.extent_blocks;
    return std::unique_ptr<OfGroup>(
        new OfGroup(std::move(bitmap), std::move(summary), extents, shape.bitmap_blocks));
  }

  /// Makes a run of extents free, one run with the free ones beside it.
  Result<void> release(u64 first, u64 count) {
    u64 const end = first + count;
    XFSX_TRY(u64 const taken, end_of(first, end, false));
    if (taken != end) {
      return bitmap_.wrong(taken / word_bits, "rtwords", "a realtime extent is free already");
    }
    XFSX_TRY(u64 const before, start_of_free(first));
    XFSX_TRY(u64 const after, end_of(end, extents_, true));
    XFSX_TRYV(count_run(before, first, ~u32{0}));
    XFSX_TRYV(count_run(end, after, ~u32{0}));
    XFSX_TRYV(count_run(before, after, 1));
    return mark(first, end);
  }

 private:
  OfGroup(WordFile bitmap, WordFile summary, u64 extents, u32 bitmap_blocks)
      : bitmap_(std::move(bitmap)),
        summary_(std::move(summary)),
        extents_(extents),
        bitmap_blocks_(bitmap_blocks) {}

  /// Where a run of bits, all set or all clear, that begins at `from` ends; `limit` at most.
  Result<u64> end_of(u64 from, u64 limit, bool set) {
    while (from < limit) {
      XFSX_TRY(u32 const word, bitmap_.get(from / word_bits));
      u32 const first = static_cast<u32>(from % word_bits);
      u32 const others = (set ? ~word : word) >> first;
      u32 const run = others == 0 ? word_bits - first : static_cast<u32>(std::countr_zero(others));
      from += run;
      if (others != 0) break;
    }
    return std::min(from, limit);
  }

  /// Where the run of set bits before `end` begins.
  Result<u64> start_of_free(u64 end) {
    while (end > 0) {
      XFSX_TRY(u32 const word, bitmap_.get((end - 1) / word_bits));
      u32 const count = static_cast<u32>((end - 1) % word_bits) + 1;
      u32 const clear = ~word << (word_bits - count);
      u32 const run = clear == 0 ? count : static_cast<u32>(std::countl_zero(clear));
      end -= run;
      if (clear != 0) break;
    }
    return end;
  }

  /// Counts a run of free extents in or out.
  Result<void> count_run(u64 first, u64 end, u32 change) {
    if (first == end) return success();
    u64 const level = static_cast<u64>(std::bit_width(end - first)) - 1;
    u64 const block = first / (bitmap_.words_per_block() * word_bits);
    u64 const index = level * bitmap_blocks_ + block;
    XFSX_TRY(u32 const count, summary_.get(index));
    if (count == 0 && change != 1) {
      return summary_.wrong(index, "suminfo", "a free run of realtime extents is not counted");
    }
    return summary_.set(index, count + change);
  }

  Result<void> mark(u64 first, u64 end) {
    while (first < end) {
      u32 const bit = static_cast<u32>(first % word_bits);
      u32 const count = static_cast<u32>(std::min<u64>(word_bits - bit, end - first));
      XFSX_TRY(u32 const word, bitmap_.get(first / word_bits));
      XFSX_TRYV(bitmap_.set(first / word_bits, word | bits(bit, count)));
      first += count;
    }
    return success();
  }

  WordFile bitmap_, summary_;
  u64 extents_;
  u32 bitmap_blocks_;  // for the whole group
};

RealtimeSpace::RealtimeSpace(Transaction& txn) : txn_(txn) {}
RealtimeSpace::RealtimeSpace(RealtimeSpace&&) noexcept = default;
RealtimeSpace::~RealtimeSpace() = default;

Result<RealtimeSpace::OfGroup*> RealtimeSpace::in(u32 group) {
  std::unique_ptr<OfGroup>& found = groups_[group];
  if (!found) {
    XFSX_TRY(found, OfGroup::open(txn_, group));
  }
  return found.get();
}

Result<void> RealtimeSpace::release_run(BlockRun const& run) {
  RealtimeShape const& shape = txn_.volume().geometry().realtime();
  u64 const first = shape.block_in_group(run.start);
  bool const whole =
      first % shape.extent_blocks == 0 && run.length.raw() % shape.extent_blocks == 0;
  if (!whole || !shape.valid(run.start, run.length)) {
    Location where;
    where.device = DeviceRole::realtime;
    where.kind = AddressKind::fsblock;
    where.address = run.start.raw();
    Error e = located(Errc::bad_value, rt_bitmap_kind.name, where);
    e.reason = "the blocks to be freed are not whole extents of a group";
    return e;
  }
  XFSX_TRY(OfGroup* const group, in(shape.group_of(run.start)));
  u64 const extents = run.length.raw() / shape.extent_blocks;
  XFSX_TRYV(group->release(first / shape.extent_blocks, extents));
  XFSX_TRY(BufferRef const block, superblock_of(txn_));
  XFSX_TRY(Bytes const copy, txn_.edit(block));
  disk::Superblock& sb = edit_as<disk::Superblock>(copy);
  sb.frextents = sb.frextents.value() + extents;
  return success();
}

Result<void> RealtimeSpace::release(std::vector<BlockRun> runs) {
  Geometry const& g = txn_.volume().geometry();
  if (g.has(incompat::zoned)) {
    return refuse(EOPNOTSUPP, "realtime space in zones is not written");
  }
  std::ranges::sort(runs, {}, &BlockRun::start);
  for (std::size_t i = 0; i < runs.size();) {
    BlockRun whole = runs[i++];
    while (i < runs.size() && runs[i].start == whole.start + whole.length &&
           g.realtime().group_of(runs[i].start) == g.realtime().group_of(whole.start)) {
      whole.length = whole.length + runs[i++].length;
    }
    XFSX_TRYV(release_run(whole));
  }
  return success();
}

namespace {

/// Free extents of one group, by the words of its bitmap.
Result<u64> count_free_in_group(Transaction& txn, u32 group) {
  RealtimeShape const& shape = txn.volume().geometry().realtime();
  XFSX_TRY(Inode const file, find_file(txn, group, disk::MetaType::rt_bitmap));
  XFSX_TRY(WordFile words,
           WordFile::open(txn, file, shape.groups ? rt_bitmap_kind : plain_rt_bitmap_kind));
  u64 const extents = shape.blocks_of(group) / shape.extent_blocks;
  u64 free = 0;
  for (u64 at = 0; at < extents; at += word_bits) {
    XFSX_TRY(u32 const word, words.get(at / word_bits));
    auto const count = static_cast<u32>(std::min<u64>(word_bits, extents - at));
    free += static_cast<u64>(std::popcount(word & bits(0, count)));
  }
  return free;
}

}  // namespace

Result<u64> count_free_extents(Transaction& txn) {
  RealtimeShape const& shape = txn.volume().geometry().realtime();
  u64 free = 0;
  for (u32 group = 0; group < (shape.groups ? shape.group_count : 1); ++group) {
    XFSX_TRY(u64 const count, count_free_in_group(txn, group));
    free += count;
  }
  return free;
}

}  // namespace xfsx::inline v0
