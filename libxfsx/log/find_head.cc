#include "log/find_head.h"

#include "base/checked.h"
#include "log/log_reader.h"

#include <algorithm>
#include <array>

// Every basic block of the log carries the number of the cycle in which it was written, so the head
// is where the cycle drops: found by binary search, then mended, because the blocks before it may
// have been written in any order when power failed. Linux has at most eight records of 256 KiB in
// flight (32 KiB in the first version of the log), so it looks 4096 (512) blocks back for a block
// that was left out, and takes that for the head.
//
//    cycle   7 7 7 7 7 7 7|6 6 6 6 6 6       after the last write has ended
//    cycle   7 7 7 6 7 7 7|6 6 6 6 6 6       torn: the head is at the 6
//
// The head is then moved back to the start of a record that is not whole. The last record says
// where the tail is, or, if it is an unmount record, that nothing has to be recovered. In a dirty
// log the last eight records must match their checksums, otherwise the head moves back to the first
// that does not; records at the tail that were overwritten are left out.

namespace xfsx::inline v0 {

namespace {

using Ahead = LogReader::Ahead;
using disk::LogRecordHeader;

constexpr u32 max_in_flight = 8;  // records
constexpr u32 probes = 7;         // blocks of one step of the search

/// Records of the first version of the log are not padded to whole blocks.
u64 blocks_of_data(LogRecordHeader const& header) {
  return div_round_up<u64>(header.len.value(), basic_block_size);
}

struct FoundRecord {
  u32 block = 0;
  LogRecordHeader header{};
  bool wrapped = false;  ///< the search passed the end of the log
};

struct BadRecord {
  u32 block;
  Error error;
};

class HeadSearch {
 public:
  HeadSearch(BlockDevice& device, LogGeometry const& log) : reader_(device, log) {}

  Result<LogState> run();

 private:
  Result<u32> find_head();
  Result<u32> find_head_of_zeroed(u32 last);
  Result<u32> first_of_cycle(u32 first, u32 end, u32 cycle);
  Result<std::optional<u32>> find_cycle(u32 first, u32 count, u32 cycle);
  Result<u32> mend_candidate(u32 head, u32 stop);
  Result<u32> drop_partial_record(u32 head);
  Result<std::optional<u32>> drop_partial_record(u32 start, u32 end, u32 extra);

  Result<std::optional<FoundRecord>> last_record(u32 head, u32 tail, u32 count);
  Result<u32> nth_record_from(u32 tail, u32 head, u32 n);
  Result<void> look_at_tail(u32 head, FoundRecord const& last);
  Result<bool> ends_with_unmount(u32 head, FoundRecord const& last);
  Result<void> verify_head();
  Result<void> verify_tail();
  Result<std::optional<BadRecord>> first_bad_record(u32 tail, u32 head, u64 most);
  Result<void> check_order() const;

  /// Whoever stamps a header takes cycle and LSN from one place; no cycle is 0.
  static Result<void> check_cycle(FoundRecord const& last) {
    CheckedView const header(last.header, log_location(last.block));
    XFSX_TRYV(header.at_least<u32>(header->cycle, 1));
    return header.equal<u32>(header->cycle, header->lsn.value().cycle());
  }

  [[nodiscard]] Error no_record(u32 block) const {
    Error e = located(Errc::bad_value, disk::Layout<LogRecordHeader>::name, log_location(block));
    e.field = "magicno";
    e.relation = Relation::equal;
    e.expected.number = disk::log_record_magic;
    e.expected.hex = e.found.hex = true;
    e.reason = "no record is found before the head of the log";
    return e;
  }

  LogReader reader_;
  FoundRecord last_;
  u32 head_ = 0, tail_ = 0, cycle_ = 1;
  bool unmounted_ = false, torn_ = false;
};

Result<u32> HeadSearch::first_of_cycle(u32 first, u32 end, u32 cycle) {
  // `end` carries the cycle, `first` does not. Blocks that are read side by side take the time of
  // one, so the range is cut in eight, not in two.
  std::array<u32, probes> places{};
  std::array<u32, probes> found{};
  while (end - first > 1) {
    u32 const count = std::min(probes, end - first - 1);
    for (u32 i = 0; i < count; ++i) {
      places[i] = first + static_cast<u32>(u64{end - first} * (i + 1) / (count + 1));
    }
    XFSX_TRYV(reader_.cycles(std::span(places).first(count), std::span(found).first(count)));
    u32 before = 0;
    while (before < count && found[before] != cycle) ++before;
    if (before < count) end = places[before];
    if (before > 0) first = places[before - 1];
  }
  return end;
}

Result<std::optional<u32>> HeadSearch::find_cycle(u32 first, u32 count, u32 cycle) {
  if (count == 0) return std::optional<u32>{};
  XFSX_TRY(ConstBytes const blocks, reader_.read(first, count));
  for (u32 i = 0; i < count; ++i) {
    if (log_cycle_of(blocks.subspan(std::size_t{i} * basic_block_size)) == cycle) {
      return std::optional<u32>{first + i};
    }
  }
  return std::optional<u32>{};
}

Result<std::optional<u32>> HeadSearch::drop_partial_record(u32 start, u32 end, u32 extra) {
  for (u32 block = end; block-- > 0;) {
    if (block < start) return no_record(block);
    XFSX_TRY(std::optional<LogRecordHeader> const header, reader_.header(block, Ahead::backward));
    if (!header) continue;
    if (!header->fs_uuid.is_null()) {
      CheckedView<LogRecordHeader> const view(*header, log_location(block));
      XFSX_TRYV(view.equal(header->fs_uuid, reader_.log().uuid));
    }
    u64 const whole = u64{log_header_blocks(*header)} + blocks_of_data(*header);
    bool const partial = end - block + extra != whole;
    torn_ = torn_ || partial;
    return std::optional<u32>{partial ? block : end};
  }
  return std::optional<u32>{};
}

Result<u32> HeadSearch::drop_partial_record(u32 head) {
  u32 const back = reader_.log().record_blocks;
  u32 const start = head >= back ? head - back : 0;
  XFSX_TRY(std::optional<u32> const found, drop_partial_record(start, head, 0));
  if (found) return *found;
  // The start of the log was reached: the record begins before its end.
  u32 const end = reader_.blocks();
  u32 const more = std::min(back - head, end);
  XFSX_TRY(std::optional<u32> const wrapped, drop_partial_record(end - more, end, head));
  if (!wrapped) return no_record(0);
  return *wrapped == end ? head : *wrapped;
}

Result<u32> HeadSearch::find_head_of_zeroed(u32 last) {
  XFSX_TRY(u32 head, first_of_cycle(0, last, 0));
  u32 const window = std::min(head, reader_.log().window_blocks());
  XFSX_TRY(std::optional<u32> const hole, find_cycle(head - window, window, 0));
  if (hole) head = *hole;
  // Nothing can have wrapped: the end was never written.
  XFSX_TRY(std::optional<u32> const whole,
           drop_partial_record(head < window ? 0 : head - window, head, 0));
  if (!whole) return no_record(0);
  return *whole;
}

Result<u32> HeadSearch::mend_candidate(u32 head, u32 stop) {
  u32 const window = std::min(reader_.blocks(), reader_.log().window_blocks());
  if (head >= window) {
    XFSX_TRY(std::optional<u32> const hole, find_cycle(head - window, window, stop));
    return hole.value_or(head);
  }
  u32 const before = window - head;
  XFSX_TRY(std::optional<u32> const old, find_cycle(reader_.blocks() - before, before, stop - 1));
  if (old) return *old;
  XFSX_TRY(std::optional<u32> const hole, find_cycle(0, head, stop));
  return hole.value_or(head);
}

Result<u32> HeadSearch::find_head() {
  u32 const last = reader_.blocks() - 1;
  XFSX_TRY(u32 const first_cycle, reader_.cycle(0));
  if (first_cycle == 0) return 0U;
  XFSX_TRY(u32 const last_cycle, reader_.cycle(last));
  if (last_cycle == 0) return find_head_of_zeroed(last);
  u32 candidate = reader_.blocks();
  u32 stop = last_cycle - 1;
  if (first_cycle != last_cycle) {
    XFSX_TRY(candidate, first_of_cycle(0, last, last_cycle));
    stop = last_cycle;
  }
  XFSX_TRY(u32 const mended, mend_candidate(candidate, stop));
  XFSX_TRY(u32 const head, drop_partial_record(mended));
  return reader_.wrap(head);
}

/// Walks back from before `head`, round the end of the log, to the `count`th header, but not past
/// `tail`; the oldest that it met, or nothing.
Result<std::optional<FoundRecord>> HeadSearch::last_record(u32 head, u32 tail, u32 count) {
  std::optional<FoundRecord> found;
  u32 const low = tail < head ? tail : 0;
  for (u32 block = head; block-- > low;) {
    XFSX_TRY(std::optional<LogRecordHeader> const header, reader_.header(block, Ahead::backward));
    if (!header) continue;
    found = FoundRecord{block, *header, false};
    if (--count == 0) return found;
  }
  if (tail < head) return found;
  for (u32 block = reader_.blocks(); block-- > tail;) {
    XFSX_TRY(std::optional<LogRecordHeader> const header, reader_.header(block, Ahead::backward));
    if (!header) continue;
    found = FoundRecord{block, *header, true};
    if (--count == 0) return found;
  }
  return found;
}

/// The `n`th header from `tail` on towards `head`.
Result<u32> HeadSearch::nth_record_from(u32 tail, u32 head, u32 n) {
  u32 const distance = head > tail ? head - tail : reader_.blocks() - tail + head;
  for (u32 i = 0; i < distance; ++i) {
    u32 const block = reader_.wrap(u64{tail} + i);
    XFSX_TRY(std::optional<LogRecordHeader> const header, reader_.header(block, Ahead::forward));
    if (header && --n == 0) return block;
  }
  return no_record(tail);
}

Result<bool> HeadSearch::ends_with_unmount(u32 head, FoundRecord const& last) {
  u64 const data = u64{last.block} + log_header_blocks(last.header);
  u64 const after = data + blocks_of_data(last.header);
  if (reader_.wrap(after) != head || last.header.num_logops.value() != 1) return false;
  XFSX_TRY(ConstBytes const block, reader_.read(reader_.wrap(data), 1));
  return (view_as<disk::LogOpHeader>(block).flags & disk::log_op::unmount) != 0;
}

/// Takes over what the last record before `head` says.
Result<void> HeadSearch::look_at_tail(u32 head, FoundRecord const& last) {
  head_ = head;
  last_ = last;
  cycle_ = last.header.cycle.value() + (last.wrapped ? 1 : 0);
  if (cycle_ == disk::log_record_magic) ++cycle_;
  XFSX_TRY(unmounted_, ends_with_unmount(head, last));
  if (unmounted_) {
    tail_ = head;
    return success();
  }
  CheckedView<LogRecordHeader> const view(last.header, log_location(last.block));
  Lsn const tail = last.header.tail_lsn.value();
  XFSX_TRYV(view.require(tail.block().raw() < reader_.blocks(), last.header.tail_lsn,
                         Lsn(tail.cycle(), LogBlock(reader_.blocks())).raw(), Relation::below));
  tail_ = tail.block().raw();
  return success();
}

/// The first record from `tail` to `head` whose header or checksum is wrong, among those that begin
/// less than `most` blocks behind `tail`.
Result<std::optional<BadRecord>> HeadSearch::first_bad_record(u32 tail, u32 head, u64 most) {
  u32 size = 0, header_blocks = 1;
  u64 const way = tail > head ? u64{head} + reader_.blocks() - tail : head - tail;
  u64 const end = tail + std::min(way, most);
  for (u64 at = tail; at < end;) {
    u32 const block = reader_.wrap(at);
    XFSX_TRY(ConstBytes const raw, reader_.read(block, 1, Ahead::forward));
    LogRecordHeader const header = view_as<LogRecordHeader>(raw);
    if (at == tail) {
      // One mount writes records of one size only, so the first speaks for all.
      size = std::min(header.h_size.value(), log_record_max_blocks * basic_block_size);
      header_blocks = log_header_blocks(header);
      u32 const len = header.len.value();
      bool const old_mkfs =
          len > size && len <= reader_.log().unit && header.num_logops.value() == 1;
      if (old_mkfs) size = len;
    }
    Result<void> checked = check_log_header(header, block, size);
    if (checked) {
      checked = check_log_record_crc(reader_, block, header, header_blocks);
      if (!checked && checked.error().code != Errc::bad_crc) return checked.error();
    }
    if (!checked) return std::optional<BadRecord>{BadRecord{block, checked.error()}};
    at += u64{header_blocks} + blocks_of_data(header);
  }
  return std::optional<BadRecord>{};
}

/// Drops what was torn at the head of a dirty log.
Result<void> HeadSearch::verify_head() {
  XFSX_TRY(std::optional<FoundRecord> const oldest, last_record(head_, tail_, max_in_flight));
  if (!oldest) return no_record(tail_);
  XFSX_TRY(std::optional<BadRecord> const bad,
           first_bad_record(oldest->block, head_, reader_.blocks()));
  if (!bad) return verify_tail();
  // Linux cannot tell block 0 from "none" here, and refuses.
  if (bad->block == 0) return bad->error;
  XFSX_TRY(std::optional<FoundRecord> const good, last_record(bad->block, tail_, 1));
  if (!good) return bad->error;
  torn_ = true;
  XFSX_TRYV(look_at_tail(bad->block, *good));
  return unmounted_ ? success() : verify_tail();
}

/// Leaves out records at the tail that were overwritten by those at the head. Further on, nothing
/// can have been overwritten: whoever replays the log will say what is wrong there.
Result<void> HeadSearch::verify_tail() {
  if (head_ == tail_) return success();
  u64 const size = std::min(last_.header.h_size.value(), log_record_max_blocks * basic_block_size);
  u64 const reach = max_in_flight * size / basic_block_size;
  XFSX_TRY(tail_, nth_record_from(tail_, head_, 1));
  while (true) {
    u64 const free = (u64{tail_} + reader_.blocks() - head_) % reader_.blocks();
    if (free > reach) return success();
    XFSX_TRY(std::optional<BadRecord> const bad, first_bad_record(tail_, head_, reach - free + 1));
    if (!bad) return success();
    // Linux cannot tell block 0 from "none" here, and refuses.
    if (bad->block == 0) return bad->error;
    XFSX_TRY(u32 const next, nth_record_from(bad->block, head_, 2));
    tail_ = next;
  }
}

/// The head must not have run into the tail.
Result<void> HeadSearch::check_order() const {
  CheckedView<LogRecordHeader> const view(last_.header, log_location(last_.block));
  u32 const tail_cycle = last_.header.tail_lsn.value().cycle();
  bool const same = cycle_ == tail_cycle && head_ >= tail_;
  bool const wrapped = cycle_ == tail_cycle + 1 && head_ < tail_;
  return view.require(same || wrapped, last_.header.tail_lsn, Lsn(cycle_, LogBlock(head_)).raw(),
                      Relation::at_most);
}

Result<LogState> HeadSearch::run() {
  XFSX_TRY(u32 const head, find_head());
  LogState state;
  if (head == 0) {
    XFSX_TRY(u32 const cycle, reader_.cycle(0));
    if (cycle == 0) {
      state.clean = state.empty = true;
      state.head = state.tail = Lsn(1, LogBlock(0));
      return state;
    }
  }
  XFSX_TRY(std::optional<FoundRecord> const last, last_record(head, head, 1));
  if (!last) return no_record(head);
  XFSX_TRYV(check_cycle(*last));
  XFSX_TRYV(look_at_tail(head, *last));
  if (!unmounted_) {
    XFSX_TRYV(verify_head());
    if (!unmounted_) {
      XFSX_TRYV(check_order());
    }
  }
  state.clean = unmounted_ || head_ == tail_;
  state.torn = torn_;
  state.head = Lsn(cycle_, LogBlock(head_));
  state.tail =
      state.clean ? state.head : Lsn(tail_ <= head_ ? cycle_ : cycle_ - 1, LogBlock(tail_));
  state.last_record = LogBlock(last_.block);
  state.record_size = last_.header.h_size.value();
  return state;
}

}  // namespace

Result<LogState> find_log_head(BlockDevice& device, LogGeometry const& log) {
  return HeadSearch(device, log).run();
}

}  // namespace xfsx::inline v0
