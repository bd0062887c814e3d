// Logs that are composed, damaged and written anew: what was put into a log comes out of it again,
// whatever the byte order, the size of records and the stripe unit. A log of its own, a mebibyte
// long, without a filesystem around it.

#include "base/view.h"
#include "disk/log_items.h"
#include "fuzz/support/target.h"
#include "fuzz/support/written_pages.h"
#include "log/compose.h"
#include "log/log_walk.h"
#include "log/relog.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr u32 log_blocks = 2048;
constexpr unsigned most_steps = 6;

/// Zeros but for what was written.
class LogDisk final : public BlockDevice {
 public:
  [[nodiscard]] DeviceInfo info() const override {
    DeviceInfo info;
    info.size = u64{log_blocks} * basic_block_size;
    info.backend = "memory";
    return info;
  }
  Result<void> read(std::span<ReadRequest const> batch) override {
    for (ReadRequest const& request : batch) {
      must(request.offset + request.into.size() <= info().size);
      std::ranges::fill(request.into, std::byte{0});
      pages_.lay_over(request.offset, request.into);
    }
    return success();
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    for (WriteRequest const& request : batch) {
      must(request.offset + request.from.size() <= info().size);
      XFSX_TRYV(pages_.write(request.offset, request.from, [](u64, Bytes into) -> Result<void> {
        std::ranges::fill(into, std::byte{0});
        return success();
      }));
    }
    return success();
  }
  Result<void> flush() override { return success(); }

 private:
  WrittenPages pages_;
};

ComposedItem named_item(Input& input) {
  static constexpr std::string_view names[] = {
      "EFI", "EFD", "inode", "buffer", "dquot", "icreate", "RUI", "RUD", "CUI",
      "CUD", "BUI", "BUD",   "SXI",    "ATTRD", "XMI",     "XMD", "SXD"};
  static constexpr std::string_view paths[] = {
      "log_efi.id",     "log_efi_extent[1].len", "log_inode.u[3]", "log_xmi.flags",
      "log_icreate.ag", "log_map_extent.len",    "log_buf.blkno",  "log_cui_extent.flags"};
  ComposedItem item =
      ComposedItem::named(names[input.byte() % std::size(names)], 1 + input.byte() % 3U).value();
  std::string_view const path = paths[input.byte() % std::size(paths)];
  u64 const value = input.word();
  if (item.set(path, value)) must(item.get(path).value() == value);
  return item;
}

ComposedItem buffer_item(Input& input) {
  std::vector<std::byte> image(4096, std::byte{input.byte()});
  BufferItem buffer;
  buffer.type = disk::BufferType::btree;
  buffer.image = image;
  buffer.address = Daddr(input.half());
  u32 const from = input.half() % 4096U;
  buffer.dirty.set_range(from, std::min<u32>(4096 - from, 1 + input.half() % 4096U));
  return compose_buffer(buffer);
}

ComposedItem attribute_item(Input& input) {
  disk::AttriLogFormat format{};
  format.op_flags = disk::attr_intent::set;
  std::vector<std::byte> const name(1 + input.byte() % 200U, std::byte{'n'});
  std::vector<std::byte> const value(1 + input.half() % 40000U, std::byte{'v'});
  format.name_len = static_cast<u32>(name.size());
  format.value_len = static_cast<u32>(value.size());
  ConstBytes const texts[] = {name, value};
  return compose_attri(format, texts);
}

ComposedItem some_item(Input& input) {
  switch (input.byte() % 5) {
    case 0:
      return attribute_item(input);
    case 1:
      return compose_cancel(Daddr(input.word()), SectorCount(1 + input.byte()));
    case 2:
    case 3:
      return buffer_item(input);
    default:
      return named_item(input);
  }
}

using Contents = std::vector<std::vector<std::vector<std::byte>>>;

/// What the transactions of a dirty log hold.
Contents contents_of(BlockDevice& disk, LogGeometry const& log, LogState const& state) {
  Contents all;
  Result<std::vector<ComposedTransaction>> const taken = pending_transactions(disk, log, state);
  must(taken.has_value());
  for (ComposedTransaction const& transaction : taken.value()) {
    for (ComposedItem const& item : transaction.items) all.push_back(item.regions());
  }
  return all;
}

/// Adds a checkpoint; how many of its items a recovery must see.
void add_checkpoint(Input& input, BlockDevice& disk, LogGeometry const& log, Contents& expected) {
  std::vector<ComposedItem> items;
  for (unsigned i = input.byte() % 5U; i > 0; --i) items.push_back(some_item(input));
  u8 const how = input.byte();
  ComposeOptions options;
  options.tid = 0x1000 + static_cast<u32>(expected.size()) * 8 + how % 8U;
  options.record_size = (how & 8) != 0 ? 16384U << (how >> 4 & 3) : 0;
  if (options.record_size != 0) options.record_size = std::max(options.record_size, log.unit);
  options.format = (how & 0x40) != 0 ? disk::log_format_irix_be : disk::log_format_linux_le;
  std::span<ComposedItem const> const all(items);
  Result<CheckpointResult> const done = compose_checkpoint(disk, log, all, options);
  if (!done) {
    must(done.error().code == Errc::refused);
    return;
  }
  Result<LogState> const state = find_log_head(disk, log);
  must(state.has_value() && !state.value().clean && state.value().head == done.value().head);
  for (ComposedItem const& item : items) expected.push_back(item.regions());
  must(contents_of(disk, log, state.value()) == expected);
}

void write_anew(Input& input, BlockDevice& disk, LogGeometry const& log, Contents const& expected) {
  Result<LogState> const before = find_log_head(disk, log);
  must(before.has_value());
  u8 const how = input.byte();
  RelogOptions options;
  options.record_size = (how & 1) != 0 ? std::max(16384U << (how >> 1 & 3), log.unit) : 0;
  options.format = (how & 8) != 0 ? disk::log_format_irix_be : disk::log_format_linux_le;
  Result<CheckpointResult> const done = relog(disk, log, options);
  if (before.value().clean) {
    must(!done.has_value());
    return;
  }
  if (!done) return;
  Result<LogState> const after = find_log_head(disk, log);
  must(after.has_value() && after.value().head == done.value().head);
  must(contents_of(disk, log, after.value()) == expected);
}

/// Whatever is damaged, a search ends, and a walk behind it.
void damage(Input& input, BlockDevice& disk, LogGeometry const& log) {
  u8 const how = input.byte();
  Checksum const checksum = (how & 1) != 0 ? Checksum::made_right : Checksum::as_it_was;
  std::byte const value{input.byte()};
  LogBlock const block((how & 2) != 0 ? 0 : input.half() % log_blocks);
  (void)damage_record(disk, log, block, input.half(), {&value, 1}, checksum);
  Result<LogState> const state = find_log_head(disk, log);
  if (!state) return;
  for (LogWalk::From const from : {LogWalk::From::tail, LogWalk::From::oldest}) {
    LogWalk walk(disk, log, state.value(), from, LogWalk::Damaged::is_passed_over);
    for (unsigned i = 0; i < log_blocks; ++i) {
      Result<std::optional<LogRecord>> const record = walk.next();
      if (!record || !record.value()) break;
    }
  }
  (void)pending_transactions(disk, log, state.value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  static constexpr u32 units[] = {512, 4096, 32768, 512};
  LogGeometry log;
  log.blocks = log_blocks;
  log.unit = units[input.byte() % 4];
  log.uuid.b[0] = 0x42;
  LogDisk disk;
  Contents expected;
  for (unsigned i = 1 + input.byte() % most_steps; i > 0; --i) {
    add_checkpoint(input, disk, log, expected);
  }
  if ((input.byte() & 1) != 0) write_anew(input, disk, log, expected);
  if ((input.byte() & 1) != 0) damage(input, disk, log);
  return 0;
}
