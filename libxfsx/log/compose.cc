#include "log/compose.h"

#include "base/checked.h"
#include "base/view.h"
#include "log/byte_order.h"
#include "log/log_reader.h"

#include <algorithm>
#include <array>
#include <bit>

namespace xfsx::inline v0 {

namespace {

namespace op = disk::log_op;

constexpr u32 op_header_size = sizeof(disk::LogOpHeader);
// As in LogWriter: no part of a split region is empty.
constexpr u32 min_room = 2 * op_header_size;
constexpr u32 no_record = 0xffffffff;

/// Blocks from the head that belong to nobody.
u64 free_blocks(LogGeometry const& log, LogState const& state) {
  u32 const head = state.head.block().raw(), tail = state.tail.block().raw();
  u64 const used = state.clean ? 0 : (u64{head} + log.blocks - tail) % log.blocks;
  return log.blocks - used - 1;  // a head on the tail is a clean log
}

/// Overwrites what a torn end may have left ahead of the head.
Result<void> clear_ahead(BlockDevice& device, LogGeometry const& log, LogState const& state,
                         u32 record_size) {
  XFSX_TRY(std::unique_ptr<LogWriter> const writer,
           state.clean ? LogWriter::create(device, log, state, record_size)
                       : LogWriter::behind(device, log, state));
  return writer->clear_stale();
}

}  // namespace

LogSizes ComposedTransaction::sizes() const {
  LogSizes sizes;
  for (ComposedItem const& item : items) sizes += item.sizes();
  return sizes;
}

Result<LogComposer> LogComposer::create(BlockDevice& device, LogGeometry const& log,
                                        LogState const& state, Options const& options) {
  u32 const size = options.record_size;
  bool const usable = std::has_single_bit(size) && size >= 16384 && size >= log.unit &&
                      size <= log.record_blocks * basic_block_size;
  if (!usable) return refuse(EINVAL, "records of this log cannot have this size");
  return LogComposer(device, log, state, options);
}

LogComposer::LogComposer(BlockDevice& device, LogGeometry const& log, LogState const& state,
                         Options const& options)
    : device_(&device),
      log_(log),
      options_(options),
      shape_{options.record_size, log.unit},
      bytes_(shape_.max_bytes()),
      left_(free_blocks(log, state)) {
  record_.lsn = state.head;
  record_.tail = state.tail;
  record_.previous = state.empty ? no_record : state.last_record.raw();
  record_.format = options.format;
}

Result<void> LogComposer::end_record() {
  u32 const size = shape_.bytes_for(record_.used);
  u32 const blocks = size / basic_block_size;
  if (blocks > left_) return refuse(ENOSPC, "the log has no room for what was composed");
  Bytes const record = bytes_.bytes().first(size);
  seal_record(log_, shape_, record_, record);
  std::size_t const before_end =
      std::size_t{log_.blocks - record_.lsn.block().raw()} * basic_block_size;
  std::size_t const first = std::min<std::size_t>(size, before_end);
  std::array<WriteRequest, 2> const requests{{
      {log_.byte_of(record_.lsn.block()), record.first(first)},
      {log_.byte_of(LogBlock(0)), record.subspan(first)},
  }};
  XFSX_TRYV(device_->write({requests.data(), first < size ? 2U : 1U}));
  left_ -= blocks;
  result_.bytes += size;
  ++result_.records;
  record_.previous = record_.lsn.block().raw();
  record_.lsn = advance(log_, record_.lsn, blocks);
  record_.ops = 0;
  record_.used = 0;
  return success();
}

void LogComposer::put_part(ConstBytes payload, u8 flags) {
  Bytes const at = bytes_.bytes().subspan(shape_.header_bytes() + record_.used);
  auto& header = edit_as<disk::LogOpHeader>(at);
  header.tid = tid_;
  header.len = static_cast<u32>(payload.size());
  header.clientid = op::client_transaction;
  header.flags = flags;
  header.res2 = 0;
  std::ranges::copy(payload, at.subspan(op_header_size).begin());
  record_.used += op_header_size + static_cast<u32>(payload.size());
  ++record_.ops;
}

/// Adds an operation, split over as many records as it takes.
Result<void> LogComposer::put(ConstBytes payload, u8 flags) {
  u8 continued = 0;
  while (true) {
    if (shape_.capacity() - record_.used < min_room) {
      XFSX_TRYV(end_record());
    }
    std::size_t const room = (shape_.capacity() - record_.used - op_header_size) / 4 * 4;
    if (payload.size() <= room) break;
    put_part(payload.first(room), continued | op::cont);
    payload = payload.subspan(room);
    continued = op::was_cont;
  }
  put_part(payload, continued != 0 ? static_cast<u8>(op::was_cont | op::end) : flags);
  return success();
}

Result<void> LogComposer::put_transaction_header(ComposedTransaction const& transaction) {
  disk::TransactionHeader header{};
  header.magic = disk::transaction_magic;
  header.type = disk::transaction_type_checkpoint;
  header.tid = transaction.tid;
  header.num_items = static_cast<u32>(transaction.sizes().regions);
  std::array<std::byte, sizeof(header)> bytes{};
  std::ranges::copy(bytes_of(header), bytes.begin());
  if (other_order()) turn_fields(disk::Layout<disk::TransactionHeader>::fields, bytes);
  return put(bytes, 0);
}

Result<void> LogComposer::put_item(ComposedItem const& item) {
  auto const regions = other_order() ? item.in_other_order() : item.regions();
  for (std::vector<std::byte> const& region : regions) {
    XFSX_TRYV(put(region, 0));
  }
  return success();
}

Result<void> LogComposer::add(ComposedTransaction const& transaction) {
  if (!options_.share_records && record_.used > 0) {
    XFSX_TRYV(end_record());
  }
  tid_ = transaction.tid;
  XFSX_TRYV(put({}, op::start));
  result_.start = record_.lsn;
  XFSX_TRYV(put_transaction_header(transaction));
  for (ComposedItem const& item : transaction.items) {
    XFSX_TRYV(put_item(item));
  }
  if (transaction.commit) {
    XFSX_TRYV(put({}, op::commit));
    result_.commit = record_.lsn;
  }
  return success();
}

Result<CheckpointResult> LogComposer::finish() {
  if (record_.used > 0) {
    XFSX_TRYV(end_record());
  }
  XFSX_TRYV(device_->flush());
  ++result_.flushes;
  result_.head = record_.lsn;
  return result_;
}

Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            std::span<ComposedItem const> items,
                                            ComposeOptions const& options) {
  XFSX_TRY(LogState const state, find_log_head(device, log));
  ComposedTransaction transaction{options.tid, options.commit, {items.begin(), items.end()}};
  LogComposer::Options how;
  how.format = options.format;
  how.record_size = options.record_size;
  if (how.record_size == 0) {
    how.record_size = LogWriter::record_size_for(log, transaction.sizes());
  }
  if (!state.clean) how.record_size = state.record_size;
  XFSX_TRY(LogComposer composer, LogComposer::create(device, log, state, how));
  XFSX_TRYV(clear_ahead(device, log, state, std::max(how.record_size, min_log_record_size)));
  XFSX_TRYV(composer.add(transaction));
  return composer.finish();
}

Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            std::span<LogItem const> items,
                                            ComposeOptions const& options) {
  std::vector<ComposedItem> copies;
  for (LogItem const& item : items) {
    XFSX_TRY(ComposedItem copy, ComposedItem::copy_of(item));
    copies.push_back(std::move(copy));
  }
  return compose_checkpoint(device, log, std::span<ComposedItem const>(copies), options);
}

Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            ItemSource& items, ComposeOptions const& options) {
  XFSX_TRY(LogState const state, find_log_head(device, log));
  u32 const record_size = options.record_size != 0 ? options.record_size
                                                   : LogWriter::record_size_for(log, items.sizes());
  XFSX_TRY(std::unique_ptr<LogWriter> const writer,
           LogWriter::create(device, log, state, record_size));
  XFSX_TRYV(writer->clear_stale());
  return writer->write_checkpoint(items, state.tail, options.tid);
}

Result<void> clear_log(BlockDevice& device, LogGeometry const& log, u32 cycle) {
  XFSX_ASSERT(cycle >= 2);
  constexpr u32 most = LogWriter::batch_bytes / basic_block_size;
  AlignedBytes run(LogWriter::batch_bytes);
  u32 const before = cycle - 1 == disk::log_record_magic ? cycle - 2 : cycle - 1;
  for (u32 block = 0; block < log.blocks;) {
    u32 const count = std::min(most, log.blocks - block);
    for (u32 i = 0; i < count; ++i) {
      Lsn const lsn(before, LogBlock(block + i));
      Bytes const one = run.bytes().subspan(std::size_t{i} * basic_block_size, basic_block_size);
      make_empty_record(log, lsn, lsn, one);
    }
    WriteRequest const request{log.byte_of(LogBlock(block)),
                               run.bytes().first(std::size_t{count} * basic_block_size)};
    XFSX_TRYV(device.write({&request, 1}));
    block += count;
  }
  return device.flush();
}

namespace {

/// A record in the log as it lies there, cycle numbers and all.
class RawRecord {
 public:
  RawRecord(BlockDevice& device, LogGeometry const& log, LogBlock block)
      : device_(device), log_(log), reader_(device, log), block_(block.raw()) {}

  Result<void> read() {
    XFSX_TRY(std::optional<disk::LogRecordHeader> const header, reader_.header(block_));
    if (!header) return bad("magicno");
    header_ = *header;
    XFSX_TRYV(check_log_header(header_, block_, max_log_record_size));
    header_blocks_ = log_header_blocks(header_);
    return success();
  }

  Result<void> change(u32 offset, ConstBytes bytes) {
    if (!range_inside<u64>(offset, bytes.size(), header_.len.value())) return bad("len");
    for (std::byte const byte : bytes) {
      XFSX_TRYV(change_byte(offset++, byte));
    }
    return success();
  }

  Result<void> make_right() {
    LogReader fresh(device_, log_);
    XFSX_TRY(std::optional<disk::LogRecordHeader> const header, fresh.header(block_));
    if (!header) return bad("magicno");
    XFSX_TRY(u32 const crc,
             log_record_crc(fresh, block_, *header, header_blocks_, header->len.value()));
    le32 const stored = crc;
    return patch(block_, offsetof(disk::LogRecordHeader, crc), bytes_of(stored));
  }

 private:
  [[nodiscard]] Error bad(std::string_view field) const {
    Error e =
        located(Errc::bad_value, disk::Layout<disk::LogRecordHeader>::name, log_location(block_));
    e.field = field;
    return e;
  }

  /// The first word of a block gave way to the cycle and lies in a header block.
  Result<void> change_byte(u32 offset, std::byte byte) {
    constexpr u32 cycles = disk::log_header_cycles;
    u32 const data_block = offset / basic_block_size, at = offset % basic_block_size;
    ConstBytes const one(&byte, 1);
    if (at >= 4) return patch(block_ + header_blocks_ + data_block, at, one);
    u32 const slot = data_block % cycles * 4 + at;
    u32 const header = data_block / cycles;
    std::size_t const table = header == 0 ? offsetof(disk::LogRecordHeader, cycle_data)
                                          : offsetof(disk::LogRecordExtended, cycle_data);
    return patch(block_ + header, table + slot, one);
  }

  Result<void> patch(u32 block, std::size_t at, ConstBytes bytes) {
    AlignedBytes sector(log_.sector_size);
    u64 const byte = log_.byte_of(LogBlock(reader_.wrap(block))) + at;
    u64 const from = byte / log_.sector_size * log_.sector_size;
    ReadRequest const read{from, sector.bytes()};
    XFSX_TRYV(device_.read({&read, 1}));
    std::ranges::copy(bytes, sector.bytes().subspan(byte - from).begin());
    WriteRequest const write{from, sector.bytes()};
    return device_.write({&write, 1});
  }

  BlockDevice& device_;
  LogGeometry log_;
  LogReader reader_;
  u32 block_;
  disk::LogRecordHeader header_{};
  u32 header_blocks_ = 1;
};

}  // namespace

Result<void> damage_record(BlockDevice& device, LogGeometry const& log, LogBlock block, u32 offset,
                           ConstBytes bytes, Checksum checksum) {
  RawRecord record(device, log, block);
  XFSX_TRYV(record.read());
  XFSX_TRYV(record.change(offset, bytes));
  if (checksum == Checksum::made_right) {
    XFSX_TRYV(record.make_right());
  }
  return device.flush();
}

}  // namespace xfsx::inline v0
