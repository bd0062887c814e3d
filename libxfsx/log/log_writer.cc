#include "log/log_writer.h"

#include "base/checked.h"
#include "base/view.h"
#include "log/log_reader.h"

#include <algorithm>
#include <bit>

// Records are made in a buffer of 1 MiB and written as one run, or two round the end of the log. A
// checkpoint that fits the buffer costs one write and one flush, in which its records may arrive in
// any order: an incomplete set is not replayed. Of a larger one, everything before the record with
// the commit is durable before that record is written.

namespace xfsx::inline v0 {

namespace {

namespace op = disk::log_op;

constexpr u32 op_header_size = sizeof(disk::LogOpHeader);
// A record that has room for less than two operation headers is full, so that no part of a split
// region is empty.
constexpr u32 min_room = 2 * op_header_size;
constexpr u32 no_record = 0xffffffff;

/// What a checkpoint holds besides its regions: start, transaction header, commit.
constexpr u64 frame_bytes = 3 * op_header_size + sizeof(disk::TransactionHeader);

}  // namespace

u32 LogWriter::record_size_for(LogGeometry const& log, LogSizes const& sizes) {
  u32 const wanted = sizes.bytes > batch_bytes ? max_log_record_size : min_log_record_size;
  return std::max(wanted, std::bit_ceil(log.unit));
}

Result<std::unique_ptr<LogWriter>> LogWriter::create(BlockDevice& device, LogGeometry const& log,
                                                     LogState const& state, u32 record_size) {
  if (!state.clean) return make_error(Errc::dirty_log, EUCLEAN, "the log is dirty");
  XFSX_TRYV(check_place(log, state));
  XFSX_ASSERT(std::has_single_bit(record_size) && record_size >= min_log_record_size &&
              record_size <= max_log_record_size && record_size >= log.unit);
  return std::unique_ptr<LogWriter>(new LogWriter(device, log, state, record_size));
}

Result<void> LogWriter::check_place(LogGeometry const& log, LogState const& state) {
  if (log.unit > max_log_record_size) return refuse(EOPNOTSUPP, "the log's unit exceeds 256 KiB");
  if (state.head.block().raw() % (log.sector_size / basic_block_size) != 0) {
    return refuse(EOPNOTSUPP, "the head of the log is not on a sector of the log");
  }
  return success();
}

Result<std::unique_ptr<LogWriter>> LogWriter::behind(BlockDevice& device, LogGeometry const& log,
                                                     LogState const& state) {
  XFSX_TRYV(check_place(log, state));
  // What Linux can be told to use (logbsize); in the first version of the log, less.
  constexpr u32 least = 16384;
  u32 const size = state.record_size;
  bool const usable = std::has_single_bit(size) && size >= std::max(least, log.unit) &&
                      size <= log.record_blocks * basic_block_size;
  if (!usable) return refuse(EOPNOTSUPP, "the log has records of a size that no kernel writes");
  return std::unique_ptr<LogWriter>(new LogWriter(device, log, state, size));
}

LogWriter::LogWriter(BlockDevice& device, LogGeometry const& log, LogState const& state,
                     u32 record_size)
    : device_(device),
      log_(log),
      shape_{record_size, log.unit},
      state_(state),
      arena_(AlignedBytes::uninitialized(batch_bytes)) {}

u64 LogWriter::checkpoint_blocks(LogSizes const& sizes) const {
  u64 const bytes = frame_bytes + sizes.bytes + sizes.regions * op_header_size;
  // A record may stay short of full by less than min_room, and a split region costs a header more.
  u64 const least = shape_.capacity() - (min_room - 1) - op_header_size;
  u64 const full = bytes / least;
  u64 const rest = std::min<u64>(bytes % least + min_room + op_header_size, shape_.capacity());
  return (full * shape_.max_bytes() + shape_.bytes_for(static_cast<u32>(rest))) / basic_block_size;
}

u64 LogWriter::free_blocks() const {
  u32 const head = state_.head.block().raw();
  u32 const tail = state_.tail.block().raw();
  u64 const used = state_.clean ? 0 : (u64{head} + log_.blocks - tail) % log_.blocks;
  u64 const unmount = shape_.bytes_for(min_room) / basic_block_size;
  u64 const sixteenth = reserve_in_use_ ? 0 : log_.blocks / 16;
  u64 const kept = std::max<u64>(sixteenth, 2 * unmount);
  return used + kept < log_.blocks ? log_.blocks - used - kept : 0;
}

Result<void> LogWriter::usable() const {
  if (failed_) return make_error(Errc::shut_down, EIO, "writing to the log failed before");
  return success();
}

Result<void> LogWriter::checked(Result<void> outcome) {
  failed_ = failed_ || !outcome;
  return outcome;
}

Result<void> LogWriter::clear_run(u32 block, u32 count, u32 cycle) {
  u32 const most = batch_bytes / basic_block_size;
  while (count > 0) {
    u32 const n = std::min(count, most);
    Bytes const run = arena_.bytes().first(std::size_t{n} * basic_block_size);
    for (u32 i = 0; i < n; ++i) {
      make_empty_record(log_, Lsn(cycle, LogBlock(block + i)), state_.tail,
                        run.subspan(std::size_t{i} * basic_block_size, basic_block_size));
    }
    WriteRequest const request{log_.byte_of(LogBlock(block)), run};
    XFSX_TRYV(device_.write({&request, 1}));
    block += n;
    count -= n;
  }
  return success();
}

/// Whether one of `count` blocks from `block` on carries a later cycle than `cycle`.
Result<bool> LogWriter::has_stale(u32 block, u32 count, u32 cycle) {
  u32 const most = batch_bytes / basic_block_size;
  while (count > 0) {
    u32 const n = std::min(count, most);
    Bytes const run = arena_.bytes().first(std::size_t{n} * basic_block_size);
    ReadRequest const request{log_.byte_of(LogBlock(block)), run};
    XFSX_TRYV(device_.read({&request, 1}));
    for (u32 i = 0; i < n; ++i) {
      ConstBytes const one = run.subspan(std::size_t{i} * basic_block_size, basic_block_size);
      if (log_cycle_of(one) > cycle) return true;
    }
    block += n;
    count -= n;
  }
  return false;
}

Result<void> LogWriter::clear_stale() {
  XFSX_TRYV(usable());
  u32 const head = state_.head.block().raw();
  u32 const cycle = state_.head.cycle();
  // The record before the head stays: without it the next search finds no head.
  u32 const behind = state_.empty ? 0 : state_.last_record.raw();
  u32 const limit = state_.clean ? behind : state_.tail.block().raw();
  u32 const distance = limit > head ? limit - head : log_.blocks - head + limit;
  u32 const count = std::min(distance, log_window_blocks);
  u32 const before_end = std::min(count, log_.blocks - head);
  XFSX_TRY(bool const ahead, has_stale(head, before_end, cycle - 1));
  XFSX_TRY(bool const wrapped, has_stale(0, count - before_end, cycle));
  if (!ahead && !wrapped) return success();
  XFSX_TRYV(checked(clear_run(head, before_end, cycle - 1)));
  XFSX_TRYV(checked(clear_run(0, count - before_end, cycle)));
  return checked(device_.flush());
}

void LogWriter::begin_record() {
  XFSX_ASSERT(batch_used_ + shape_.max_bytes() <= arena_.size());
  record_.lsn = advance(log_, batch_start_, static_cast<u32>(batch_used_ / basic_block_size));
  record_.ops = 0;
  record_.used = 0;
}

void LogWriter::end_record() {
  u32 const bytes = shape_.bytes_for(record_.used);
  seal_record(log_, shape_, record_, record_bytes().first(bytes));
  record_.previous = record_.lsn.block().raw();
  last_record_at_ = batch_used_;
  batch_used_ += bytes;
  result_.bytes += bytes;
  ++result_.records;
}

/// Writes the first `bytes` of the batch; nothing may be left behind them but one record.
Result<void> LogWriter::write_batch(std::size_t bytes, bool durable) {
  std::size_t const before_end =
      std::size_t{log_.blocks - batch_start_.block().raw()} * basic_block_size;
  std::size_t const first = std::min(bytes, before_end);
  ConstBytes const data = arena_.bytes().first(bytes);
  std::array<WriteRequest, 2> const requests{{
      {log_.byte_of(batch_start_.block()), data.first(first)},
      {log_.byte_of(LogBlock(0)), data.subspan(first)},
  }};
  std::span<WriteRequest const> const batch(requests.data(), first < bytes ? 2 : 1);
  records_started_ = records_started_ || !durable;
  XFSX_TRYV(checked(durable ? device_.write_durable(batch) : device_.write(batch)));
  if (!durable && flush_batches_) {
    XFSX_TRYV(checked(device_.flush()));
  }
  ++result_.flushes;
  Bytes const rest = arena_.bytes().subspan(bytes, batch_used_ - bytes);
  std::ranges::copy(rest, arena_.bytes().begin());
  batch_start_ = advance(log_, batch_start_, static_cast<u32>(bytes / basic_block_size));
  batch_used_ -= bytes;
  last_record_at_ = 0;
  return success();
}

void LogWriter::put_part(ConstBytes payload, u8 client, u8 flags, u32 length) {
  Bytes const at = record_bytes().subspan(shape_.header_bytes() + record_.used);
  auto& header = edit_as<disk::LogOpHeader>(at);
  header.tid = tid_;
  header.len = length;
  header.clientid = client;
  header.flags = flags;
  header.res2 = 0;
  std::ranges::copy(payload, at.subspan(op_header_size).begin());
  record_.used += op_header_size + static_cast<u32>(payload.size());
  ++record_.ops;
}

/// Adds an operation, split over as many records as it takes.
Result<void> LogWriter::put(ConstBytes payload, u8 flags) {
  u8 continued = 0;
  while (true) {
    if (shape_.capacity() - record_.used < min_room) {
      end_record();
      if (batch_used_ + shape_.max_bytes() > arena_.size()) {
        XFSX_TRYV(write_batch(batch_used_, false));
      }
      begin_record();
    }
    std::size_t const room = (shape_.capacity() - record_.used - op_header_size) / 4 * 4;
    if (payload.size() <= room) break;
    u32 const part = static_cast<u32>(room);
    put_part(payload.first(part), op::client_transaction, continued | op::cont, part);
    payload = payload.subspan(part);
    continued = op::was_cont;
  }
  u8 const last = continued != 0 ? static_cast<u8>(op::was_cont | op::end) : flags;
  put_part(payload, op::client_transaction, last, static_cast<u32>(payload.size()));
  return success();
}

Result<void> LogWriter::put_items(ItemSource& items) {
  LogSizes const promised = items.sizes();
  LogSizes seen;
  while (true) {
    XFSX_TRY(bool const more, items.next(item_));
    if (!more) break;
    seen += item_.sizes();
    for (ConstBytes const& region : item_.regions()) {
      XFSX_TRYV(put(region, 0));
    }
  }
  // The transaction header and the judgement of space stand on the promise.
  XFSX_ASSERT(seen.regions == promised.regions && seen.bytes == promised.bytes);
  return success();
}

Result<void> LogWriter::commit(TailAtCommit at_commit) {
  XFSX_TRYV(put({}, op::commit));
  result_.commit = record_.lsn;
  if (at_commit == TailAtCommit::at_start) record_.tail = result_.start;
  end_record();
  if (result_.flushes > 0 && last_record_at_ > 0) {
    XFSX_TRYV(write_batch(last_record_at_, false));
  }
  commit_started_ = true;
  return write_batch(batch_used_, true);
}

Result<CheckpointResult> LogWriter::write_checkpoint(ItemSource& items, Lsn tail, u32 tid,
                                                     TailAtCommit at_commit) {
  XFSX_TRYV(usable());
  LogSizes const sizes = items.sizes();
  if (sizes.bytes > max_checkpoint_bytes) {
    return refuse(ENOSPC, "the checkpoint exceeds 256 MiB, more than Linux should hold in memory");
  }
  if (checkpoint_blocks(sizes) > free_blocks()) {
    return refuse(ENOSPC, "the checkpoint does not fit the free log");
  }
  result_ = {};
  batch_start_ = state_.head;
  batch_used_ = 0;
  last_record_at_ = 0;
  record_ = {};
  record_.tail = tail;
  record_.previous = state_.empty ? no_record : state_.last_record.raw();
  tid_ = tid;

  begin_record();
  result_.start = record_.lsn;
  XFSX_TRYV(put({}, op::start));
  disk::TransactionHeader header{};
  header.magic = disk::transaction_magic;
  header.type = disk::transaction_type_checkpoint;
  header.tid = tid;
  header.num_items = static_cast<u32>(sizes.regions);
  XFSX_TRYV(put(bytes_of(header), 0));
  Result<void> const all = put_items(items);
  if (!all) {
    // Records without a commit are in the log: nothing may go on behind them as if they were not.
    failed_ = failed_ || result_.flushes > 0;
    return all.error();
  }
  XFSX_TRYV(commit(at_commit));

  result_.head = batch_start_;
  state_.clean = state_.empty = state_.torn = false;
  state_.head = result_.head;
  state_.tail = record_.tail;
  state_.last_record = result_.commit.block();
  state_.record_size = shape_.size;
  return result_;
}

Result<LogState> LogWriter::write_unmount(Lsn tail, u32 tid) {
  XFSX_TRYV(usable());
  result_ = {};
  batch_start_ = state_.head;
  batch_used_ = 0;
  record_ = {};
  record_.tail = tail;
  record_.previous = state_.empty ? no_record : state_.last_record.raw();
  tid_ = tid;
  begin_record();
  disk::UnmountRecord unmount{};
  unmount.magic = disk::unmount_magic;
  // Linux writes a length of 0 although the payload follows.
  put_part(bytes_of(unmount), op::client_log, op::unmount, 0);
  end_record();
  LogBlock const last = record_.lsn.block();
  XFSX_TRYV(write_batch(batch_used_, true));

  state_.clean = true;
  state_.empty = state_.torn = false;
  state_.head = state_.tail = batch_start_;
  state_.last_record = last;
  state_.record_size = shape_.size;
  return state_;
}

}  // namespace xfsx::inline v0
