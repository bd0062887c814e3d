#include "log/log_reader.h"

#include "base/crc32c.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

constexpr u32 cycle_bytes = 32768;         // data whose first words one header block keeps
constexpr u32 ahead_blocks = 512;          // what a scan brings in at once
constexpr std::size_t crc_offset = 32;     // of the checksum in a record header
constexpr std::size_t crc_header = 328;    // bytes of the header under the checksum
constexpr std::size_t crc_header32 = 324;  // as kernels of 32-bit processors count them
constexpr std::size_t crc_extended = 260;  // bytes of a further header block under the checksum

Result<void> feed_blocks(LogReader& reader, Crc32c& crc, u64 first, u32 bytes) {
  while (bytes > 0) {
    u32 const block = reader.wrap(first);
    u32 const count = std::min(
        {div_round_up(bytes, basic_block_size), reader.blocks() - block, log_record_max_blocks});
    XFSX_TRY(ConstBytes const data, reader.read(block, count, LogReader::Ahead::forward));
    u32 const n = std::min<u32>(bytes, count * basic_block_size);
    crc.feed(data.first(n));
    bytes -= n;
    first += count;
  }
  return success();
}

Result<u32> record_crc(LogReader& reader, u32 block, disk::LogRecordHeader const& header,
                       u32 header_blocks, u32 bytes, std::size_t header_bytes) {
  Crc32c crc;
  ConstBytes const head = bytes_of(header);
  crc.feed(head.first(crc_offset))
      .feed_zeroes(4)
      .feed(head.subspan(crc_offset + 4, header_bytes - crc_offset - 4));
  u32 const extended = div_round_up(bytes, cycle_bytes);
  for (u32 i = 1; i < extended && i < header_blocks; ++i) {
    XFSX_TRYV(feed_blocks(reader, crc, u64{block} + i, crc_extended));
  }
  XFSX_TRYV(feed_blocks(reader, crc, u64{block} + header_blocks, bytes));
  return crc.value();
}

}  // namespace

u32 log_header_blocks(disk::LogRecordHeader const& header) {
  return (header.version.value() & 2) == 0 ? 1 : log_header_blocks(header.h_size.value());
}

u32 log_cycle_of(ConstBytes block) {
  u32 const word = view_as<be32>(block).value();
  return word == disk::log_record_magic ? view_as<be32>(block, 4).value() : word;
}

LogReader::LogReader(BlockDevice& device, LogGeometry const& log)
    : device_(device), log_(log), sector_blocks_(log.sector_size / basic_block_size) {}

/// Makes the window large enough for `count` blocks. A probe of a clean log needs one, and only a
/// scan behind the head the largest.
void LogReader::reserve(u32 count) {
  if (window_.size() >= std::size_t{count} * basic_block_size) return;
  std::size_t const size = std::size_t{count + 2 * sector_blocks_} * basic_block_size;
  window_ = AlignedBytes::uninitialized(size);
}

/// Fills the window with the blocks from `from` to `end`, and the rest of their sectors.
Result<void> LogReader::bring(u32 from, u64 end) {
  from -= from % sector_blocks_;
  end = std::min<u64>(round_up<u64>(end, sector_blocks_), log_.blocks);
  count_ = 0;  // a failed read leaves nothing to rely on
  u32 const got = static_cast<u32>(end - from);
  reserve(got);
  ReadRequest const request{log_.byte_of(LogBlock(from)),
                            window_.bytes().first(std::size_t{got} * basic_block_size)};
  XFSX_TRYV(device_.read({&request, 1}));
  first_ = from;
  count_ = got;
  return success();
}

Result<void> LogReader::load(u32 first, u32 count) {
  return bring(first, u64{first} + count);
}

Result<ConstBytes> LogReader::read(u32 first, u32 count, Ahead ahead) {
  XFSX_ASSERT(count <= log_window_blocks && range_inside(first, count, log_.blocks));
  if (!holds(first, count)) {
    u32 const more = ahead == Ahead::none || count > ahead_blocks ? 0 : ahead_blocks - count;
    u32 const before = ahead == Ahead::backward ? std::min(first, more) : 0;
    u32 const behind = ahead == Ahead::forward ? more : 0;
    XFSX_TRYV(bring(first - before, u64{first} + count + behind));
  }
  return ConstBytes(window_.bytes())
      .subspan(std::size_t{first - first_} * basic_block_size,
               std::size_t{count} * basic_block_size);
}

Result<u32> LogReader::cycle(u32 block, Ahead ahead) {
  XFSX_TRY(ConstBytes const data, read(block, 1, ahead));
  return log_cycle_of(data);
}

Result<void> LogReader::cycles(std::span<u32 const> blocks, std::span<u32> out) {
  XFSX_ASSERT(blocks.size() == out.size());
  count_ = 0;  // the window is taken for the sectors
  reserve(static_cast<u32>(blocks.size()) * sector_blocks_);
  std::vector<ReadRequest> requests;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    u32 const sector = blocks[i] - blocks[i] % sector_blocks_;
    requests.push_back({log_.byte_of(LogBlock(sector)),
                        window_.bytes().subspan(i * log_.sector_size, log_.sector_size)});
  }
  XFSX_TRYV(device_.read(requests));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::size_t const in_sector = std::size_t{blocks[i] % sector_blocks_} * basic_block_size;
    out[i] = log_cycle_of(requests[i].into.subspan(in_sector));
  }
  return success();
}

Result<std::optional<disk::LogRecordHeader>> LogReader::header(u32 block, Ahead ahead) {
  XFSX_TRY(ConstBytes const data, read(block, 1, ahead));
  auto const& header = view_as<disk::LogRecordHeader>(data);
  if (header.magicno.value() != disk::log_record_magic) {
    return std::optional<disk::LogRecordHeader>{};
  }
  return std::optional<disk::LogRecordHeader>{header};
}

Result<void> check_log_header(disk::LogRecordHeader const& header, u32 block, u32 size) {
  CheckedView<disk::LogRecordHeader> const view(header, log_location(block));
  XFSX_TRYV(view.equal(header.magicno, disk::log_record_magic));
  u32 const version = header.version.value();
  XFSX_TRYV(view.require(version != 0 && (version & ~3U) == 0, header.version, 2, Relation::equal));
  XFSX_TRYV(view.at_least(header.len, 1U));
  return view.at_most(header.len, size);
}

Result<u32> log_record_crc(LogReader& reader, u32 block, disk::LogRecordHeader const& header,
                           u32 header_blocks, u32 bytes) {
  return record_crc(reader, block, header, header_blocks, bytes, crc_header);
}

Result<void> check_log_record_crc(LogReader& reader, u32 block, disk::LogRecordHeader const& header,
                                  u32 header_blocks) {
  u32 const stored = header.crc.value();
  if (stored == 0) return success();
  u32 const bytes = header.len.value();
  XFSX_TRY(u32 const crc, record_crc(reader, block, header, header_blocks, bytes, crc_header));
  if (crc == stored) return success();
  XFSX_TRY(u32 const crc32, record_crc(reader, block, header, header_blocks, bytes, crc_header32));
  if (crc32 == stored) return success();
  Error e = located(Errc::bad_crc, disk::Layout<disk::LogRecordHeader>::name, log_location(block));
  e.field = "crc";
  e.relation = Relation::equal;
  e.found.number = stored;
  e.expected.number = crc;
  e.found.hex = e.expected.hex = true;
  return e;
}

}  // namespace xfsx::inline v0
