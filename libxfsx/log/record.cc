#include "log/record.h"

#include "base/checked.h"
#include "base/crc32c.h"
#include "base/view.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

constexpr u32 blocks_per_header = disk::log_header_cycles;
constexpr std::size_t crc_offset = 32;
constexpr std::size_t crc_header = 328;    // bytes of the header under the checksum
constexpr std::size_t crc_extended = 260;  // bytes of a further header block under it

Bytes block_of(Bytes record, u32 block) {
  return record.subspan(std::size_t{block} * basic_block_size, basic_block_size);
}

be32& cycle_slot(Bytes record, u32 data_block) {
  u32 const header = data_block / blocks_per_header;
  u32 const slot = data_block % blocks_per_header;
  if (header == 0) return edit_as<disk::LogRecordHeader>(record).cycle_data[slot];
  return edit_as<disk::LogRecordExtended>(block_of(record, header)).cycle_data[slot];
}

void stamp_cycles(LogGeometry const& log, u32 header_blocks, Lsn lsn, Bytes record) {
  u32 const blocks = static_cast<u32>(record.size() / basic_block_size);
  u32 const before_end = log.blocks - lsn.block().raw();
  for (u32 i = 1; i < blocks; ++i) {
    be32& first = edit_as<be32>(block_of(record, i));
    if (i >= header_blocks) cycle_slot(record, i - header_blocks) = first.value();
    first = i < before_end ? lsn.cycle() : next_log_cycle(lsn.cycle());
  }
}

u32 checksum(ConstBytes record, u32 header_blocks, u32 data_bytes) {
  Crc32c crc;
  crc.feed(record.first(crc_offset))
      .feed_zeroes(4)
      .feed(record.subspan(crc_offset + 4, crc_header - crc_offset - 4));
  // The length decides here, the size of the buffers elsewhere.
  u32 const used_headers = div_round_up(data_bytes, blocks_per_header * basic_block_size);
  for (u32 i = 1; i < used_headers; ++i) {
    crc.feed(record.subspan(std::size_t{i} * basic_block_size, crc_extended));
  }
  return crc.feed(record.subspan(std::size_t{header_blocks} * basic_block_size)).value();
}

void fill_header(LogGeometry const& log, Lsn lsn, Lsn tail, Bytes block) {
  std::ranges::fill(block, std::byte{0});
  auto& header = edit_as<disk::LogRecordHeader>(block);
  header.magicno = disk::log_record_magic;
  header.cycle = lsn.cycle();
  header.version = log.record_version();
  header.lsn = lsn;
  header.tail_lsn = tail;
  header.fmt = disk::log_format_linux_le;
  header.fs_uuid = log.uuid;
}

}  // namespace

u32 RecordShape::header_blocks() const {
  return std::max(1U, div_round_up(size, blocks_per_header * basic_block_size));
}

u32 RecordShape::bytes_for(u32 used) const {
  return round_up(header_bytes() + used, unit);
}

u32 next_log_cycle(u32 cycle) {
  return cycle + 1 == disk::log_record_magic ? cycle + 2 : cycle + 1;
}

Lsn advance(LogGeometry const& log, Lsn position, u32 blocks) {
  u32 const at = position.block().raw() + blocks;
  if (at < log.blocks) return {position.cycle(), LogBlock(at)};
  return {next_log_cycle(position.cycle()), LogBlock(at - log.blocks)};
}

void seal_record(LogGeometry const& log, RecordShape const& shape, RecordStamp const& stamp,
                 Bytes record) {
  XFSX_ASSERT(record.size() == shape.bytes_for(stamp.used) && stamp.used > 0);
  u32 const header_bytes = shape.header_bytes();
  u32 const data_bytes = static_cast<u32>(record.size()) - header_bytes;
  std::ranges::fill(record.first(header_bytes), std::byte{0});
  std::ranges::fill(record.subspan(header_bytes + stamp.used), std::byte{0});
  fill_header(log, stamp.lsn, stamp.tail, record.first(basic_block_size));
  auto& header = edit_as<disk::LogRecordHeader>(record);
  header.len = data_bytes;
  header.prev_block = stamp.previous;
  header.num_logops = stamp.ops;
  header.h_size = shape.size;
  header.fmt = stamp.format;
  stamp_cycles(log, shape.header_blocks(), stamp.lsn, record);
  header.crc = checksum(record, shape.header_blocks(), data_bytes);
}

void make_empty_record(LogGeometry const& log, Lsn lsn, Lsn tail, Bytes block) {
  fill_header(log, lsn, tail, block);
}

}  // namespace xfsx::inline v0
