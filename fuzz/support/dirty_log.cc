#include "fuzz/support/dirty_log.h"

#include "base/checked.h"
#include "base/view.h"
#include "fuzz/support/target.h"
#include "log/assemble.h"
#include "log/find_head.h"
#include "log/log_walk.h"
#include "log/record.h"

#include <algorithm>
#include <map>

namespace xfsx::fuzz {

namespace {

using disk::LogOpHeader;
namespace op_flag = disk::log_op;

/// The operations of a record, whose bytes stay in `data`.
std::vector<LogOp> operations_of(LogRecord const& record, ConstBytes data) {
  std::vector<LogOp> ops;
  ConstBytes rest = data;
  for (u32 i = 0; i < record.header.num_logops.value() && fits<LogOpHeader>(rest); ++i) {
    LogOp op;
    op.header = view_as<LogOpHeader>(rest);
    rest = rest.subspan(sizeof(LogOpHeader));
    op.payload = LogPayload(rest.first(op.header.len.value()));
    rest = rest.subspan(op.payload.size());
    ops.push_back(std::move(op));
  }
  return ops;
}

/// Tells operations which item they are a part of.
class Teller final : public LogSink {
 public:
  explicit Teller(std::map<u32, std::vector<LogOp>*> records) : records_(std::move(records)) {}

  Result<void> unmounted(LogRecord const&) override { return success(); }
  Result<void> abandoned(LogTransaction& transaction) override { return committed(transaction); }
  Result<void> committed(LogTransaction& transaction) override {
    for (LogItemRegions const& item : transaction.items) {
      u16 number = 0;
      for (LogRegion const& region : transaction.regions_of(item)) {
        LogOp& op = (*records_.at(region.block))[region.op];
        op.item = item.type;
        op.region = number++;
      }
    }
    return success();
  }

 private:
  std::map<u32, std::vector<LogOp>*> records_;
};

OriginalLog read_log(World const& world) {
  OverlayDisk disk = world.disk();
  OriginalLog log;
  Result<LogGeometry> const geometry = LogGeometry::of(world.geometry());
  must(geometry.has_value());
  log.geometry = geometry.value();
  Result<LogState> const state = find_log_head(disk, log.geometry);
  must(state.has_value() && !state.value().clean);
  log.state = state.value();
  std::vector<LogRecord> records;
  LogWalk walk(disk, log.geometry, log.state, LogWalk::From::tail);
  for (;;) {
    Result<std::optional<LogRecord>> const next = walk.next();
    must(next.has_value());
    if (!next.value()) break;
    LogRecord record = *next.value();
    OriginalLog::Record kept;
    kept.block = record.block;
    kept.blocks = record.header_blocks + div_round_up(record.header.len.value(), basic_block_size);
    kept.data.assign(record.data.begin(), record.data.end());
    kept.ops = operations_of(record, kept.data);
    log.records.push_back(std::move(kept));
    record.data = log.records.back().data;
    records.push_back(record);
  }
  std::map<u32, std::vector<LogOp>*> by_block;
  for (OriginalLog::Record& record : log.records) by_block[record.block] = &record.ops;
  Teller teller(by_block);
  LogAssembler assembler(teller);
  for (LogRecord const& record : records) must(assembler.feed(record).has_value());
  must(assembler.finish().has_value());
  return log;
}

/// The operations one behind the other; as many as fit.
std::vector<std::byte> bytes_of_ops(std::span<LogOp const> ops, std::size_t room, u32& count) {
  std::vector<std::byte> bytes;
  bytes.reserve(room);
  for (LogOp const& op : ops) {
    if (op.payload.size() + sizeof(LogOpHeader) > room - bytes.size()) break;
    ConstBytes const header = xfsx::bytes_of(op.header);
    ConstBytes const payload = op.payload.bytes();
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    ++count;
  }
  return bytes;
}

/// A sealed record.
std::vector<std::byte> make_record(OriginalLog const& log, std::span<LogOp const> ops,
                                   RecordStamp stamp) {
  std::size_t wanted = 0;
  for (LogOp const& op : ops) wanted += sizeof(LogOpHeader) + op.payload.size();
  RecordShape shape{log.state.record_size, log.geometry.unit};
  bool const longer = wanted > shape.capacity() && log.geometry.record_blocks == 512;
  if (longer) shape.size = max_log_record_size;
  std::vector<std::byte> const bytes = bytes_of_ops(ops, shape.capacity(), stamp.ops);
  if (bytes.empty()) return {};
  stamp.used = static_cast<u32>(bytes.size());
  std::vector<std::byte> record(shape.bytes_for(stamp.used));
  std::ranges::copy(bytes, record.begin() + static_cast<std::ptrdiff_t>(shape.header_bytes()));
  seal_record(log.geometry, shape, stamp, record);
  return record;
}

}  // namespace

OriginalLog const& OriginalLog::of(World const& world) {
  static std::map<World const*, OriginalLog> logs;
  auto const known = logs.find(&world);
  if (known != logs.end()) return known->second;
  return logs.emplace(&world, read_log(world)).first->second;
}

DirtyLog::DirtyLog(OriginalLog const& original)
    : original_(&original), records_(original.records.size()) {}

std::vector<LogOp> const& DirtyLog::ops(std::size_t record) const {
  return records_[record].changed ? records_[record].ops : original_->records[record].ops;
}

std::vector<LogOp>& DirtyLog::edit(std::size_t record) {
  Record& r = records_[record];
  if (!r.changed) r.ops = original_->records[record].ops;
  r.changed = true;
  return r.ops;
}

LogOp* DirtyLog::pick_item_op(u16 number) {
  auto const is_of_item = [](LogOp const& op) { return op.item != 0; };
  std::vector<std::size_t> counts;
  std::size_t all = 0;
  for (std::size_t i = 0; i < records(); ++i) {
    counts.push_back(static_cast<std::size_t>(std::ranges::count_if(ops(i), is_of_item)));
    all += counts.back();
  }
  if (all == 0) return nullptr;
  std::size_t left = number % all, record = 0;
  while (left >= counts[record]) left -= counts[record++];
  for (LogOp& op : edit(record)) {
    if (is_of_item(op) && left-- == 0) return &op;
  }
  return nullptr;
}

void DirtyLog::add_item(std::vector<std::vector<std::byte>> const& regions) {
  auto const is_commit = [](LogOp const& op) {
    return (op.header.flags & op_flag::commit) != 0 && op.payload.size() == 0;
  };
  for (std::size_t i = records(); i-- > 0;) {
    if (std::ranges::none_of(ops(i), is_commit)) continue;
    std::vector<LogOp>& record = edit(i);
    auto const commit = std::ranges::find_if(record, is_commit);
    std::vector<LogOp> added;
    for (std::vector<std::byte> const& region : regions) {
      LogOp op;
      op.header = commit->header;
      op.header.flags = 0;
      op.header.len = static_cast<u32>(region.size());
      op.payload = LogPayload(region);
      op.item = view_as<le16>(regions.front()).value();
      op.region = static_cast<u16>(added.size());
      added.push_back(std::move(op));
    }
    record.insert(commit, added.begin(), added.end());
    return;
  }
}

void DirtyLog::write_to(BlockDevice& disk, std::size_t broken) const {
  LogGeometry const& geometry = original_->geometry;
  LogState const& state = original_->state;
  u32 at = state.tail.block().raw();
  u32 const old_end = state.head.block().raw();
  for (std::size_t i = 0; i < records(); ++i) {
    OriginalLog::Record const& was = original_->records[i];
    if (!records_[i].changed && i != broken && was.block == at) {
      at += was.blocks;
      continue;
    }
    RecordStamp stamp;
    stamp.lsn = Lsn(state.tail.cycle(), LogBlock(at));
    stamp.tail = state.tail;
    std::vector<std::byte> record = make_record(*original_, ops(i), stamp);
    u32 const blocks = static_cast<u32>(record.size() / basic_block_size);
    if (blocks == 0 || blocks >= geometry.blocks - at) break;
    if (i == broken) record.back() ^= std::byte{1};
    write_at(disk, geometry.byte_of(LogBlock(at)), record);
    at += blocks;
  }
  if (at >= old_end) return;
  write_at(disk, geometry.byte_of(LogBlock(at)),
           std::vector<std::byte>((old_end - at) * std::size_t{basic_block_size}));
}

}  // namespace xfsx::fuzz
