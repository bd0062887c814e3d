#include "log/compose.h"

#include "base/view.h"
#include "log/log_records.h"
#include "log/test_device.h"

#include <doctest/doctest.h>

using namespace xfsx;

namespace {

constexpr u32 log_blocks = 2048;

LogGeometry geometry(u32 unit = 512) {
  LogGeometry log;
  log.blocks = log_blocks;
  log.unit = unit;
  log.uuid.b[3] = 0x42;
  return log;
}

std::vector<ComposedItem> some_items(u32 buffers) {
  static std::vector<std::byte> const image(4096, std::byte{0xfe});
  std::vector<ComposedItem> items;
  BufferItem buffer;
  buffer.type = disk::BufferType::btree;
  buffer.image = image;
  buffer.dirty.set_all(image.size());
  for (u32 i = 0; i < buffers; ++i) {
    buffer.address = Daddr(1000 + 8 * u64{i});
    items.push_back(compose_buffer(buffer));
  }
  items.push_back(compose_done(disk::LogItemType::cud, 99));
  return items;
}

/// All that recovery would see.
test::KeptTransactions read_log(BlockDevice& device, LogGeometry const& log) {
  LogState const state = find_log_head(device, log).value();
  LogWalk walk(device, log, state, LogWalk::From::tail);
  test::KeptTransactions kept;
  LogAssembler assembler(kept);
  for (;;) {
    Result<std::optional<LogRecord>> const record = walk.next();
    REQUIRE_MESSAGE(record.has_value(), describe(record.error()));
    if (!record.value()) break;
    REQUIRE(assembler.feed(*record.value()));
  }
  REQUIRE(assembler.finish());
  return kept;
}

std::vector<std::vector<std::byte>> decoded_regions(LogTransaction& transaction) {
  std::vector<std::vector<std::byte>> all;
  for (LogItemRegions& item : transaction.items) {
    Result<DecodedLogItem> const decoded = decode_log_item(transaction, item);
    REQUIRE_MESSAGE(decoded.has_value(), describe(decoded.error()));
    ComposedItem const copy = ComposedItem::copy_of(transaction, item, decoded.value());
    all.insert(all.end(), copy.regions().begin(), copy.regions().end());
  }
  return all;
}

std::vector<std::vector<std::byte>> regions_of(std::vector<ComposedItem> const& items) {
  std::vector<std::vector<std::byte>> all;
  for (ComposedItem const& item : items) {
    all.insert(all.end(), item.regions().begin(), item.regions().end());
  }
  return all;
}

}  // namespace

TEST_SUITE("log") {
  TEST_CASE("composed checkpoints are read back in either order and any size of records") {
    LogGeometry const log = geometry();
    for (u32 const format : {disk::log_format_linux_le, disk::log_format_irix_be}) {
      for (u32 const size : {16384U, 32768U, 65536U, 262144U}) {
        CAPTURE(format);
        CAPTURE(size);
        test::MemoryLog device(u64{log_blocks} * 512);
        std::vector<ComposedItem> const items = some_items(60);
        ComposeOptions const options{size, 5, format, true};
        auto const wrote =
            compose_checkpoint(device, log, std::span<ComposedItem const>(items), options);
        REQUIRE(wrote);
        test::KeptTransactions kept = read_log(device, log);
        REQUIRE(kept.all.size() == 1);
        CHECK(kept.all[0].other_order == (format != disk::log_format_linux_le));
        CHECK(kept.all[0].lsn == wrote.value().start);
        CHECK(kept.all[0].commit == wrote.value().commit);
        CHECK(view_as<disk::TransactionHeader>(kept.all[0].header).num_items.value() == 121);
        CHECK(decoded_regions(kept.all[0]) == regions_of(items));
      }
    }
  }

  TEST_CASE("behind a dirty log another checkpoint goes on, and one without a commit") {
    LogGeometry const log = geometry();
    test::MemoryLog device(u64{log_blocks} * 512);
    std::vector<ComposedItem> const items = some_items(3);
    std::span<ComposedItem const> const all(items);
    REQUIRE(compose_checkpoint(device, log, all, {65536, 1}));
    REQUIRE(compose_checkpoint(device, log, all, {0, 2}));
    REQUIRE(compose_checkpoint(device, log, all, {0, 3, disk::log_format_linux_le, false}));
    test::KeptTransactions const kept = read_log(device, log);
    REQUIRE(kept.all.size() == 2);
    CHECK(kept.all[1].tid == 2);
    REQUIRE(kept.left.size() == 1);
    CHECK(kept.left[0].tid == 3);
    CHECK(kept.left[0].items.size() == items.size());
    // Until the log is full, which leaves it as it was.
    bool refused = false;
    for (u32 tid = 4; !refused && tid < 400; ++tid) {
      auto const more = compose_checkpoint(device, log, all, {0, tid});
      refused = more.has_error() && more.error().errno_class == ENOSPC;
      if (!refused) REQUIRE(more);
    }
    CHECK(refused);
    CHECK(read_log(device, log).all.size() > 10);
  }

  TEST_CASE("records may be shared") {
    LogGeometry const log = geometry(4096);
    test::MemoryLog device(u64{log_blocks} * 512);
    REQUIRE(clear_log(device, log, 8));
    LogState state;
    state.clean = state.empty = true;
    state.head = state.tail = Lsn(8, LogBlock(0));
    LogComposer composer =
        LogComposer::create(device, log, state, {32768, disk::log_format_linux_le, true}).value();
    for (u32 tid = 1; tid <= 30; ++tid) {
      REQUIRE(composer.add({tid, true, some_items(1)}));
    }
    CheckpointResult const wrote = composer.finish().value();
    CHECK(wrote.records == 4);
    CHECK(find_log_head(device, log).value().head == wrote.head);
    test::KeptTransactions const kept = read_log(device, log);
    REQUIRE(kept.all.size() == 30);
    CHECK(kept.all[1].lsn == Lsn(8, LogBlock(0)));
    CHECK(kept.all[29].lsn > kept.all[0].lsn);
  }

  TEST_CASE("a damaged record shows it or does not") {
    LogGeometry const log = geometry();
    std::vector<ComposedItem> const items = some_items(3);
    for (u32 const offset : {512U, 515U, 517U, 4096U}) {
      for (Checksum const checksum : {Checksum::as_it_was, Checksum::made_right}) {
        CAPTURE(offset);
        test::MemoryLog device(u64{log_blocks} * 512);
        std::span<ComposedItem const> const all(items);
        REQUIRE(compose_checkpoint(device, log, all, {65536, 1}));
        CheckpointResult const second = compose_checkpoint(device, log, all, {65536, 2}).value();
        test::KeptTransactions const before = read_log(device, log);
        std::vector<std::byte> const patch = test::bytes({0x77});
        REQUIRE(damage_record(device, log, second.start.block(), offset, patch, checksum));
        if (checksum == Checksum::as_it_was) {
          LogState const state = find_log_head(device, log).value();
          CHECK(state.torn);
          CHECK(state.head == second.start);
          continue;
        }
        test::KeptTransactions const after = read_log(device, log);
        REQUIRE(after.all.size() == 2);
        CHECK(after.all[0].bytes == before.all[0].bytes);
        std::vector<std::byte> const& was = before.all[1].bytes;
        std::vector<std::byte> const& is = after.all[1].bytes;
        REQUIRE(was.size() == is.size());
        std::size_t changed = 0;
        for (std::size_t i = 0; i < was.size(); ++i) changed += was[i] != is[i] ? 1 : 0;
        CHECK(changed == 1);
      }
    }
    test::MemoryLog device(u64{log_blocks} * 512);
    std::vector<std::byte> const patch = test::bytes({0x77});
    CHECK(damage_record(device, log, LogBlock(9), 0, patch, Checksum::as_it_was).has_error());
  }
}
