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

std::vector<LogOp> operations_of(LogRecord const& record) {
  std::vector<LogOp> ops;
  ConstBytes rest = record.data;
  for (u32 i = 0; i < record.header.num_logops.value() && fits<LogOpHeader>(rest); ++i) {
    LogOp op;
    op.header = view_as<LogOpHeader>(rest);
    rest = rest.subspan(sizeof(LogOpHeader));
    ConstBytes const payload = rest.first(op.header.len.value());
    op.payload.assign(payload.begin(), payload.end());
    rest = rest.subspan(payload.size());
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

DirtyLog read_log(World const& world) {
  OverlayDisk disk = world.disk();
  DirtyLog log;
  Result<LogGeometry> const geometry = LogGeometry::of(world.geometry());
  must(geometry.has_value());
  log.geometry = geometry.value();
  Result<LogState> const state = find_log_head(disk, log.geometry);
  must(state.has_value() && !state.value().clean);
  log.state = state.value();
  std::vector<LogRecord> records;
  std::vector<std::vector<std::byte>> data;
  LogWalk walk(disk, log.geometry, log.state, LogWalk::From::tail);
  for (;;) {
    Result<std::optional<LogRecord>> const next = walk.next();
    must(next.has_value());
    if (!next.value()) break;
    records.push_back(*next.value());
    data.emplace_back(next.value()->data.begin(), next.value()->data.end());
    records.back().data = {};
    log.records.push_back(operations_of(*next.value()));
  }
  std::map<u32, std::vector<LogOp>*> by_block;
  for (std::size_t i = 0; i < records.size(); ++i) by_block[records[i].block] = &log.records[i];
  Teller teller(by_block);
  LogAssembler assembler(teller);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].data = data[i];
    must(assembler.feed(records[i]).has_value());
  }
  must(assembler.finish().has_value());
  return log;
}

/// The operations one behind the other; as many as fit.
std::vector<std::byte> bytes_of_ops(std::span<LogOp const> ops, std::size_t room, u32& count) {
  std::vector<std::byte> bytes;
  for (LogOp const& op : ops) {
    if (op.payload.size() + sizeof(LogOpHeader) > room - bytes.size()) break;
    ConstBytes const header = xfsx::bytes_of(op.header);
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.insert(bytes.end(), op.payload.begin(), op.payload.end());
    ++count;
  }
  return bytes;
}

/// A sealed record.
std::vector<std::byte> make_record(DirtyLog const& log, std::span<LogOp const> ops,
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

DirtyLog const& DirtyLog::of(World const& world) {
  static std::map<World const*, DirtyLog> logs;
  auto const known = logs.find(&world);
  if (known != logs.end()) return known->second;
  return logs.emplace(&world, read_log(world)).first->second;
}

std::vector<LogOp*> DirtyLog::item_ops() {
  std::vector<LogOp*> ops;
  for (std::vector<LogOp>& record : records) {
    for (LogOp& op : record) {
      if (op.item != 0) ops.push_back(&op);
    }
  }
  return ops;
}

void DirtyLog::add_item(std::vector<std::vector<std::byte>> const& regions) {
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    auto const commit = std::ranges::find_if(*record, [](LogOp const& op) {
      return (op.header.flags & op_flag::commit) != 0 && op.payload.empty();
    });
    if (commit == record->end()) continue;
    std::vector<LogOp> added;
    for (std::vector<std::byte> const& region : regions) {
      LogOp op;
      op.header = commit->header;
      op.header.flags = 0;
      op.header.len = static_cast<u32>(region.size());
      op.payload = region;
      op.item = view_as<le16>(regions.front()).value();
      op.region = static_cast<u16>(added.size());
      added.push_back(std::move(op));
    }
    record->insert(commit, added.begin(), added.end());
    return;
  }
}

void DirtyLog::write_to(BlockDevice& disk, std::size_t broken) const {
  u32 at = state.tail.block().raw();
  u32 const old_end = state.head.block().raw();
  for (std::size_t i = 0; i < records.size(); ++i) {
    RecordStamp stamp;
    stamp.lsn = Lsn(state.tail.cycle(), LogBlock(at));
    stamp.tail = state.tail;
    std::vector<std::byte> record = make_record(*this, records[i], stamp);
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
