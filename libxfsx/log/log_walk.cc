#include "log/log_walk.h"

#include "log/record.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using Ahead = LogReader::Ahead;
using disk::LogRecordExtended;
using disk::LogRecordHeader;

constexpr u32 cycles = disk::log_header_cycles;
// Some records of the largest size, so that few of them lie across the end of what was read.
constexpr u32 blocks_at_once = 16 * log_record_max_blocks;
constexpr u32 most_of_record = 2 * log_record_max_blocks;   // also of one that lies about it
constexpr u32 bytes_of_header = cycles * basic_block_size;  // data whose first words a header keeps

/// Most bytes of data that a record may have by its own header.
u32 room_of(LogRecordHeader const& header, u32 unit) {
  if ((header.version.value() & 2) == 0) return min_log_record_size;
  u32 const size = header.h_size.value();
  u32 const len = header.len.value();
  // mkfs once filled a stripe unit with its first record and wrote the smaller size of buffers.
  bool const old_mkfs = len > size && len <= unit && header.num_logops.value() == 1;
  return old_mkfs ? len : size;
}

u32 data_blocks(LogRecordHeader const& header) {
  return div_round_up(header.len.value(), basic_block_size);
}

}  // namespace

LogWalk::LogWalk(BlockDevice& device, LogGeometry const& log, LogState const& state, From from,
                 Damaged damaged)
    : reader_(device, log),
      pass_over_(damaged == Damaged::is_passed_over),
      state_(state),
      end_(log.blocks) {
  u32 const head = state.head.block().raw();
  u32 const tail = state.tail.block().raw();
  pending_from_ = state.clean ? end_ : (tail + end_ - head) % end_;
  if (from == From::tail) at_ = pending_from_;
  if (state.empty) at_ = end_;
}

Result<void> LogWalk::check_place(LogRecord const& record) const {
  LogRecordHeader const& header = record.header;
  CheckedView<LogRecordHeader> const view(header, log_location(record.block));
  XFSX_TRYV(view.equal(header.fs_uuid, reader_.log().uuid));
  XFSX_TRYV(view.equal(header.lsn, Lsn(header.cycle.value(), LogBlock(record.block))));
  XFSX_TRYV(view.below(header.lsn, state_.head));
  XFSX_TRYV(
      view.require(header.lsn.value() > last_, header.lsn, last_.raw() + 1, Relation::at_least));
  u32 const left = end_of_zone() - at_;
  bool const fits =
      record.header_blocks < left && data_blocks(header) <= left - record.header_blocks;
  u64 const most =
      left > record.header_blocks ? u64{left - record.header_blocks} * basic_block_size : 0;
  return view.require(fits, header.len, most, Relation::at_most);
}

/// True if every block of the record carries its cycle, or the next one behind the end of the log.
Result<bool> LogWalk::is_stamped(LogRecord const& record) {
  u32 const cycle = record.header.cycle.value();
  u32 const count = record.header_blocks + data_blocks(record.header);
  for (u32 i = 1; i < count; ++i) {
    u32 const at = reader_.wrap(u64{record.block} + i);
    XFSX_TRY(ConstBytes const bytes, reader_.read(at, 1, Ahead::forward));
    if (view_as<be32>(bytes).value() != (at > record.block ? cycle : next_log_cycle(cycle))) {
      return false;
    }
  }
  return true;
}

Result<void> LogWalk::check(LogRecord const& record) {
  LogRecordHeader const& header = record.header;
  CheckedView<LogRecordHeader> const view(header, log_location(record.block));
  XFSX_TRYV(check_log_header(header, record.block, room_of(header, reader_.log().unit)));
  XFSX_TRYV(view.at_most(header.len,
                         std::min(record.header_blocks * bytes_of_header, max_log_record_size)));
  XFSX_TRYV(check_place(record));
  if (record.pending && !reader_.log().needs_checksums) return success();
  if (record.pending) {
    // Linux reads records without a checksum only where it does not replay them.
    XFSX_TRYV(view.require(header.crc.value() != 0, header.crc, 0, Relation::not_equal));
  }
  if (!record.pending || pass_over_) {
    // No cycle has this number: every block that begins a record would carry it.
    XFSX_TRYV(view.require(header.cycle.value() != disk::log_record_magic, header.cycle,
                           disk::log_record_magic, Relation::not_equal));
    // One look at a few blocks tells most remains from records; only the rest costs a checksum. And
    // blocks that all begin like records cannot have each the length of a hundred.
    XFSX_TRY(bool const stamped, is_stamped(record));
    XFSX_TRYV(view.require(stamped, header.cycle, header.cycle.value(), Relation::equal));
  }
  return check_log_record_crc(reader_, record.block, header, record.header_blocks);
}

Result<u32> LogWalk::displaced_word(LogRecord const& record, u32 data_block) {
  u32 const slot = data_block % cycles;
  if (data_block < cycles) return record.header.cycle_data[slot].value();
  u32 const header = reader_.wrap(u64{record.block} + data_block / cycles);
  XFSX_TRY(ConstBytes const bytes, reader_.read(header, 1, Ahead::forward));
  return view_as<LogRecordExtended>(bytes).cycle_data[slot].value();
}

Result<void> LogWalk::read_data(LogRecord& record) {
  u32 const count = data_blocks(record.header);
  // Most records are far from the longest.
  std::size_t const size = std::size_t{count} * basic_block_size;
  if (data_.size() < size) data_.resize(size);
  Bytes const into = Bytes(data_).first(size);
  for (u32 done = 0; done < count;) {
    u32 const from = reader_.wrap(u64{record.block} + record.header_blocks + done);
    u32 const n = std::min({count - done, reader_.blocks() - from, log_record_max_blocks});
    XFSX_TRY(ConstBytes const blocks, reader_.read(from, n, Ahead::forward));
    std::ranges::copy(blocks, into.begin() + static_cast<std::ptrdiff_t>(done) * basic_block_size);
    done += n;
  }
  for (u32 i = 0; i < count; ++i) {
    XFSX_TRY(u32 const word, displaced_word(record, i));
    edit_as<be32>(into, std::size_t{i} * basic_block_size) = word;
  }
  record.data = into.first(record.header.len.value());
  return success();
}

/// Sees to it that the next `count` blocks are read together, with what comes behind them.
Result<void> LogWalk::load(u32 count) {
  u32 const left = end_ - at_;
  u32 const wanted = std::min({count, left, reader_.blocks() - block()});
  return reader_.holds(block(), wanted) ? Result<void>(success())
                                        : reader_.load(block(), std::min(left, blocks_at_once));
}

Result<std::optional<LogRecord>> LogWalk::next() {
  while (at_ < end_) {
    LogRecord record;
    record.block = block();
    record.pending = at_ >= pending_from_;
    XFSX_TRYV(load(1));
    XFSX_TRY(ConstBytes const raw, reader_.read(record.block, 1, Ahead::forward));
    record.header = view_as<LogRecordHeader>(raw);
    bool const begins = record.header.magicno.value() == disk::log_record_magic;
    if (!begins && (!record.pending || pass_over_)) {
      ++at_;
      continue;
    }
    record.header_blocks = log_header_blocks(record.header);
    // Its checksum goes over all of it before its data is looked at.
    u64 const whole = u64{record.header_blocks} + data_blocks(record.header);
    XFSX_TRYV(load(static_cast<u32>(std::min<u64>(whole, most_of_record))));
    if (Result<void> const checked = check(record); !checked) {
      bool const skip = (!record.pending || pass_over_) && checked.error().code != Errc::io;
      if (!skip) return checked.error();
      ++at_;
      continue;
    }
    XFSX_TRYV(read_data(record));
    at_ += record.header_blocks + data_blocks(record.header);
    last_ = record.header.lsn.value();
    return std::optional<LogRecord>{record};
  }
  return std::optional<LogRecord>{};
}

}  // namespace xfsx::inline v0
