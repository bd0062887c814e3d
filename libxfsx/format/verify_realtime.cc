#include "format/verify_realtime.h"

#include "disk/realtime.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::RtBufferHeader;
using disk::RtSuperblock;

Result<void> verify_superblock(ConstBytes block, BlockContext const& context) {
  CheckedView const sb(view_as<RtSuperblock>(block), context.where);
  XFSX_TRYV(sb.equal(sb->magicnum, disk::rt_superblock_magic));
  XFSX_TRYV(sb.equal<u32>(sb->pad, 0));
  XFSX_TRYV(sb.equal(sb->uuid, context.geometry.uuid()));
  XFSX_TRYV(sb.equal(sb->meta_uuid, context.geometry.meta_uuid()));
  ConstBytes const rest = block.subspan(sizeof(RtSuperblock));
  if (std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; })) return success();
  Error e = located(Errc::bad_value, "rtsb", context.where);
  e.reason = "what follows the fields is not zero";
  return e;
}

Result<void> verify_bitmap(ConstBytes block, BlockContext const& context) {
  CheckedView const header(view_as<RtBufferHeader>(block), context.where, "rtbitmap block");
  return header.equal(header->magicnum, disk::rt_bitmap_magic);
}

constexpr std::string_view summary_name = "rtsummary block";

/// Counters of free runs that begin in one block of the bitmap, of which every other bit may begin
/// one.
template <class Word>
Result<void> check_counters(ConstBytes block, std::size_t first, BlockContext const& context) {
  std::size_t const words = (block.size() - first) / sizeof(Word);
  u64 const most = words * 32 / 2;
  for (Word const& count : view_array<Word>(block, first, words)) {
    if (count.value() <= most) continue;
    Error e = located(Errc::bad_value, summary_name, context.where);
    e.field = "suminfo";
    e.relation = Relation::at_most;
    e.found.number = count.value();
    e.expected.number = most;
    return e;
  }
  return success();
}

Result<void> verify_summary(ConstBytes block, BlockContext const& context) {
  CheckedView const header(view_as<RtBufferHeader>(block), context.where, summary_name);
  XFSX_TRYV(header.equal(header->magicnum, disk::rt_summary_magic));
  return check_counters<be32>(block, sizeof(RtBufferHeader), context);
}

constexpr BlockKind buffer_kind(std::string_view name, disk::BufferType type,
                                Result<void> (*verify)(ConstBytes, BlockContext const&)) {
  return {.name = name,
          .log_type = type,
          .crc = offsetof(RtBufferHeader, crc),
          .lsn = offsetof(RtBufferHeader, lsn),
          .uuid = offsetof(RtBufferHeader, uuid),
          .address = offsetof(RtBufferHeader, bno),
          .owner = offsetof(RtBufferHeader, owner),
          .verify = verify};
}

}  // namespace

Result<void> verify_plain_summary(ConstBytes block, BlockContext const& context) {
  return check_counters<disk::PlainRtWord>(block, 0, context);
}

BlockKind const rt_superblock_kind{.name = "rtsb",
                                   .log_type = disk::BufferType::unknown,
                                   .crc = offsetof(RtSuperblock, crc),
                                   .lsn = BlockKind::none,
                                   .uuid = BlockKind::none,
                                   .verify = verify_superblock};
BlockKind const rt_bitmap_kind =
    buffer_kind("rtbitmap block", disk::BufferType::rt_bitmap, verify_bitmap);
BlockKind const rt_summary_kind =
    buffer_kind(summary_name, disk::BufferType::rt_summary, verify_summary);
BlockKind const plain_rt_bitmap_kind{.name = "rtbitmap block",
                                     .log_type = disk::BufferType::rt_bitmap,
                                     .crc = BlockKind::none,
                                     .lsn = BlockKind::none,
                                     .uuid = BlockKind::none,
                                     .verify = nullptr};
BlockKind const plain_rt_summary_kind{.name = summary_name,
                                      .log_type = disk::BufferType::rt_summary,
                                      .crc = BlockKind::none,
                                      .lsn = BlockKind::none,
                                      .uuid = BlockKind::none,
                                      .verify = verify_plain_summary};

}  // namespace xfsx::inline v0
