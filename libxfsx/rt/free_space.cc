#include "rt/free_space.h"

#include "disk/realtime.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "format/verify_realtime.h"
#include "inode/bmap.h"
#include "rt/group_file.h"

#include <algorithm>
#include <bit>

namespace xfsx::inline v0 {

namespace {

constexpr u32 bits_of_word = 32;

/// A metadata file of a group that is words of 32 bits, in blocks that begin with a header.
class WordFile {
 public:
  static Result<WordFile> open(Transaction& txn, u32 group, disk::MetaType type,
                               BlockKind const& kind) {
    XFSX_TRY(Inode inode, find_group_file(txn.volume(), group, type));
    XFSX_TRY(std::vector<Mapping> mappings, collect_mappings(txn.volume(), inode, ForkKind::data));
    return WordFile(txn, kind, std::move(inode), std::move(mappings));
  }

  [[nodiscard]] u64 words_of_block() const {
    return (geometry().block_size() - sizeof(disk::RtBufferHeader)) / sizeof(be32);
  }

  Result<u32> read(u64 word) {
    XFSX_TRY(BufferRef const block, load(word / words_of_block()));
    return view_as<be32>(block->bytes(), place(word)).value();
  }
  Result<be32*> edit(u64 word) {
    XFSX_TRY(BufferRef const block, load(word / words_of_block()));
    XFSX_TRY(Bytes const copy, txn_.edit(block, inode_.number));
    return &edit_as<be32>(copy, place(word));
  }
  [[nodiscard]] Error bad(std::string_view field, u64 number, std::string_view reason) const {
    Error e = located(Errc::bad_value, kind_.name, inode_.location(geometry()));
    e.field = field;
    e.found.number = number;
    e.reason = reason;
    return e;
  }

 private:
  WordFile(Transaction& txn, BlockKind const& kind, Inode inode, std::vector<Mapping> mappings)
      : txn_(txn), kind_(kind), inode_(std::move(inode)), mappings_(std::move(mappings)) {}

  [[nodiscard]] Geometry const& geometry() const { return txn_.volume().geometry(); }
  [[nodiscard]] std::size_t place(u64 word) const {
    return sizeof(disk::RtBufferHeader) + word % words_of_block() * sizeof(be32);
  }
  Result<BufferRef> load(u64 block) {
    FileBlock const offset(block);
    auto const m = std::ranges::upper_bound(mappings_, offset, {}, &Mapping::end);
    if (m == mappings_.end() || m->offset > offset) {
      return bad("startoff", block, "the file has no such block");
    }
    Daddr const at = geometry().daddr(m->start + (offset - m->offset));
    return txn_.read(kind_, at, geometry().sectors(BlockCount(1)), inode_.number);
  }

  Transaction& txn_;
  BlockKind const& kind_;
  Inode inode_;
  std::vector<Mapping> mappings_;
};

/// Realtime extents of a group.
struct ExtentRun {
  u64 start = 0, length = 0;
  [[nodiscard]] u64 end() const { return start + length; }
};

class FreeSpace {
 public:
  static Result<FreeSpace> open(Transaction& txn, u32 group) {
    XFSX_TRY(WordFile bitmap,
             WordFile::open(txn, group, disk::MetaType::rt_bitmap, rt_bitmap_kind));
    XFSX_TRY(WordFile summary,
             WordFile::open(txn, group, disk::MetaType::rt_summary, rt_summary_kind));
    RealtimeShape const& shape = txn.volume().geometry().realtime();
    u64 const extents = shape.blocks_of(group) / shape.extent_blocks;
    return FreeSpace(std::move(bitmap), std::move(summary), extents, shape.bitmap_blocks);
  }

  Result<void> free(ExtentRun const& run) {
    XFSX_TRYV(set_bits(run));
    XFSX_TRY(u64 const before, free_before(run.start));
    XFSX_TRY(u64 const behind, free_behind(run.end()));
    XFSX_TRYV(count({run.start - before, before}, -1));
    XFSX_TRYV(count({run.end(), behind}, -1));
    return count({run.start - before, before + run.length + behind}, 1);
  }

 private:
  FreeSpace(WordFile bitmap, WordFile summary, u64 extents, u32 bitmap_blocks)
      : bitmap_(std::move(bitmap)),
        summary_(std::move(summary)),
        extents_(extents),
        bitmap_blocks_(bitmap_blocks) {}

  Result<void> set_bits(ExtentRun const& run) {
    for (u64 at = run.start; at < run.end();) {
      u32 const first = static_cast<u32>(at % bits_of_word);
      u32 const bits = static_cast<u32>(std::min<u64>(bits_of_word - first, run.end() - at));
      u32 const mask = (bits == bits_of_word ? ~u32{0} : (u32{1} << bits) - 1) << first;
      XFSX_TRY(be32* const word, bitmap_.edit(at / bits_of_word));
      if ((word->value() & mask) != 0) {
        return bitmap_.bad("word", at, "a realtime extent to be freed is free");
      }
      *word = word->value() | mask;
      at += bits;
    }
    return success();
  }

  /// Free extents that end where `at` begins.
  Result<u64> free_before(u64 at) {
    u64 left = at;
    while (left > 0) {
      u32 const bits = static_cast<u32>((left - 1) % bits_of_word) + 1;
      XFSX_TRY(u32 const word, bitmap_.read((left - 1) / bits_of_word));
      u32 const ones =
          std::min(static_cast<u32>(std::countl_one(word << (bits_of_word - bits))), bits);
      left -= ones;
      if (ones < bits) break;
    }
    return at - left;
  }

  /// Free extents from `at` on.
  Result<u64> free_behind(u64 at) {
    u64 right = at;
    while (right < extents_) {
      u32 const first = static_cast<u32>(right % bits_of_word);
      u32 const bits = static_cast<u32>(std::min<u64>(bits_of_word - first, extents_ - right));
      XFSX_TRY(u32 const word, bitmap_.read(right / bits_of_word));
      u32 const ones = std::min(static_cast<u32>(std::countr_one(word >> first)), bits);
      right += ones;
      if (ones < bits) break;
    }
    return right - at;
  }

  /// Counts a free run in or out.
  Result<void> count(ExtentRun const& run, int change) {
    if (run.length == 0) return success();
    u64 const level = static_cast<u64>(std::bit_width(run.length)) - 1;
    u64 const block = run.start / bits_of_word / bitmap_.words_of_block();
    XFSX_TRY(be32* const counter, summary_.edit(level * bitmap_blocks_ + block));
    if (change < 0 && counter->value() == 0) {
      return summary_.bad("word", level * bitmap_blocks_ + block,
                          "a free run of the bitmap is not counted");
    }
    *counter = counter->value() + static_cast<u32>(change);
    return success();
  }

  WordFile bitmap_, summary_;
  u64 extents_;
  u32 bitmap_blocks_;
};

Result<void> count_in_superblock(Transaction& txn, u64 extents) {
  SectorCount const sector(txn.volume().geometry().sector_size() / basic_block_size);
  XFSX_TRY(BufferRef const block, txn.read(superblock_kind, Daddr(0), sector));
  XFSX_TRY(Bytes const copy, txn.edit(block));
  auto& sb = edit_as<disk::Superblock>(copy);
  sb.frextents = sb.frextents.value() + extents;
  return success();
}

}  // namespace

Result<void> free_realtime_extents(Transaction& txn, FsBlock start, BlockCount length) {
  RealtimeShape const& shape = txn.volume().geometry().realtime();
  u64 const first = shape.block_in_group(start);
  XFSX_ASSERT(shape.groups && first % shape.extent_blocks == 0 &&
              length.raw() % shape.extent_blocks == 0);
  XFSX_TRY(FreeSpace space, FreeSpace::open(txn, shape.group_of(start)));
  ExtentRun const run{first / shape.extent_blocks, length.raw() / shape.extent_blocks};
  XFSX_TRYV(space.free(run));
  return count_in_superblock(txn, run.length);
}

}  // namespace xfsx::inline v0
