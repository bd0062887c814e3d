#include "log/log_writer.h"

#include "base/view.h"
#include "log/log_reader.h"

#include "log/compose.h"
#include "log/test_device.h"

#include <doctest/doctest.h>

#include <random>

using namespace xfsx;

namespace {

/// Regions of random lengths with random bytes, the same for the same seed.
class RandomItems final : public ItemSource {
 public:
  RandomItems(u64 seed, u32 items, u32 longest) : seed_(seed), random_(seed), items_(items) {
    longest_ = longest;
    pool_.resize(longest + 4);
    for (std::byte& b : pool_) b = static_cast<std::byte>(random_());
    random_.seed(seed);
    LogItem item;
    while (step(item)) total_ += item.sizes();
    made_ = 0;
    random_.seed(seed_);
  }
  [[nodiscard]] LogSizes sizes() const override { return total_; }
  Result<bool> next(LogItem& item) override { return step(item); }
  [[nodiscard]] std::vector<std::vector<std::byte>> all() const {
    RandomItems copy(seed_, items_, longest_);
    std::vector<std::vector<std::byte>> regions;
    LogItem item;
    while (copy.step(item)) {
      for (ConstBytes const& r : item.regions()) regions.emplace_back(r.begin(), r.end());
    }
    return regions;
  }

 private:
  bool step(LogItem& item) {
    if (made_++ == items_) return false;
    item.clear();
    for (u64 n = 1 + random_() % 3; n > 0; --n) {
      item.add(ConstBytes(pool_).first(4 + random_() % (longest_ / 4) * 4));
    }
    return true;
  }

  u64 seed_;
  std::mt19937_64 random_;
  u32 items_, longest_ = 0, made_ = 0;
  std::vector<std::byte> pool_;
  LogSizes total_;
};

LogGeometry log_of(u32 blocks, u32 unit = 512) {
  LogGeometry log;
  log.blocks = blocks;
  log.unit = unit;
  log.uuid.b[5] = 1;
  return log;
}

constexpr u32 log_blocks = 20000;

/// A log with one unmount record at the end of which the head is at `head`.
LogState clean_at(test::MemoryLog& device, LogGeometry const& log, Lsn head, u32 record_size) {
  // Every other block is of the cycle before, as after a long life.
  std::vector<std::byte> block(512);
  for (u32 i = 0; i < log.blocks; ++i) {
    u32 const cycle = i < head.block().raw() ? head.cycle() : head.cycle() - 1;
    if (cycle == 0) continue;
    make_empty_record(log, Lsn(cycle, LogBlock(i)), Lsn(cycle, LogBlock(i)), block);
    WriteRequest const request{u64{i} * 512, block};
    REQUIRE(device.write({&request, 1}));
  }
  RecordShape const shape{record_size, log.unit};
  u32 const length = shape.bytes_for(24) / 512;
  u32 const at = (head.block().raw() + log.blocks - length) % log.blocks;
  LogState state;
  state.clean = true;
  state.empty = head == Lsn(1, LogBlock(0));
  u32 const cycle = at < head.block().raw() ? head.cycle() : head.cycle() - 1;
  state.head = state.tail = state.empty ? head : Lsn(cycle, LogBlock(at));
  state.last_record = LogBlock(at);
  if (state.empty) return state;
  auto writer = LogWriter::create(device, log, state, record_size);
  REQUIRE(writer);
  Result<LogState> const ended = writer.value()->write_unmount(state.tail, 1);
  REQUIRE(ended);
  REQUIRE(ended.value().head == head);
  return ended.value();
}

struct Op {
  u32 tid;
  u8 flags;
  std::vector<std::byte> payload;
};

/// Reads the records from `tail` to `head` as a replayer would, without our writer's help.
std::vector<Op> ops_between(test::MemoryLog& device, LogGeometry const& log, Lsn tail, Lsn head) {
  std::vector<Op> ops;
  LogReader reader(device, log);
  for (u32 at = tail.block().raw(); at != head.block().raw();) {
    auto const found = reader.header(at);
    REQUIRE(found);
    REQUIRE(found.value().has_value());
    disk::LogRecordHeader const header = *found.value();
    u32 const headers = log_header_blocks(header);
    REQUIRE(check_log_header(header, at, header.h_size.value()));
    REQUIRE(header.crc.value() != 0);
    REQUIRE(check_log_record_crc(reader, at, header, headers));
    REQUIRE((headers * 512 + header.len.value()) % log.unit == 0);
    std::vector<std::byte> data(header.len.value());
    for (u32 i = 0; i < data.size() / 512; ++i) {
      u64 const from = u64{reader.wrap(u64{at} + headers + i)} * 512;
      std::ranges::copy(device.sector(from), data.begin() + i * 512);
      be32 word = header.cycle_data[i % 64].value();
      if (i >= 64) {
        u64 const block = u64{reader.wrap(u64{at} + i / 64)} * 512;
        word = view_as<disk::LogRecordExtended>(device.bytes(), block).cycle_data[i % 64].value();
      }
      edit_as<be32>(data, std::size_t{i} * 512) = word.value();
    }
    std::size_t used = 0;
    for (u32 i = 0; i < header.num_logops.value(); ++i) {
      auto const& op = view_as<disk::LogOpHeader>(data, used);
      used += sizeof(op);
      REQUIRE(used + op.len.value() <= data.size());
      auto const first = data.begin() + static_cast<std::ptrdiff_t>(used);
      ops.push_back({op.tid.value(), op.flags, {first, first + op.len.value()}});
      used += op.len.value();
    }
    at = reader.wrap(u64{at} + headers + header.len.value() / 512);
  }
  return ops;
}

/// Puts split regions together, by the rules of replay; without the transaction header.
std::vector<std::vector<std::byte>> regions_of(std::vector<Op> const& ops) {
  namespace f = disk::log_op;
  std::vector<std::vector<std::byte>> regions;
  REQUIRE(ops.size() >= 3);
  REQUIRE(ops.front().flags == f::start);
  REQUIRE(ops.back().flags == f::commit);
  bool open = false;
  for (std::size_t i = 1; i + 1 < ops.size(); ++i) {
    Op const& op = ops[i];
    REQUIRE(op.tid == ops[0].tid);
    REQUIRE(!op.payload.empty());
    REQUIRE(op.payload.size() % 4 == 0);
    REQUIRE(open == ((op.flags & f::was_cont) != 0));
    if (!open) regions.emplace_back();
    regions.back().insert(regions.back().end(), op.payload.begin(), op.payload.end());
    open = (op.flags & f::cont) != 0;
    REQUIRE(((op.flags & f::end) != 0) == ((op.flags & f::was_cont) != 0 && !open));
  }
  REQUIRE(!open);
  auto const& header = view_as<disk::TransactionHeader>(regions.at(0));
  CHECK(header.magic.value() == disk::transaction_magic);
  CHECK(header.num_items.value() == regions.size() - 1);
  regions.erase(regions.begin());
  return regions;
}

}  // namespace

TEST_SUITE("log") {
  TEST_CASE("a checkpoint is read back region by region, wherever it lies and however it is cut") {
    struct Case {
      u32 record, unit, items, longest;
      Lsn head;
    };
    for (Case const& c : {
             Case{32768, 512, 1, 200, Lsn(1, LogBlock(0))},
             Case{32768, 512, 300, 4096, Lsn(1, LogBlock(2))},
             Case{32768, 512, 900, 1000, Lsn(3, LogBlock(19990))},
             Case{32768, 32768, 300, 4096, Lsn(2, LogBlock(19904))},
             Case{65536, 4096, 300, 4096, Lsn(2, LogBlock(19992))},
             Case{262144, 512, 700, 4096, Lsn(5, LogBlock(19995))},
             Case{262144, 262144, 300, 8000, Lsn(5, LogBlock(512))},
             Case{262144, 512, 60, 60000, Lsn(2, LogBlock(19991))},
         }) {
      CAPTURE(c.record);
      CAPTURE(c.unit);
      CAPTURE(c.head.block().raw());
      LogGeometry const log = log_of(log_blocks, c.unit);
      test::MemoryLog device(u64{log_blocks} * 512);
      LogState const state = clean_at(device, log, c.head, c.record);
      RandomItems items(c.items, c.items, c.longest);
      auto writer = LogWriter::create(device, log, state, c.record);
      REQUIRE(writer);
      REQUIRE(writer.value()->clear_stale());
      u64 const most = writer.value()->checkpoint_blocks(items.sizes());
      u64 const free = writer.value()->free_blocks();
      auto const result = writer.value()->write_checkpoint(items, state.tail, 42);
      REQUIRE(result);
      CHECK(result.value().start == c.head);
      CHECK(result.value().bytes <= most * 512);
      CHECK(writer.value()->free_blocks() + result.value().bytes / 512 == free);
      CHECK(regions_of(ops_between(device, log, c.head, result.value().head)) == items.all());

      auto const found = find_log_head(device, log);
      REQUIRE(found);
      CHECK(!found.value().clean);
      CHECK(found.value().head == result.value().head);
      CHECK(found.value().tail == c.head);
      CHECK(found.value().last_record == result.value().commit.block());

      auto const ended = writer.value()->write_unmount(result.value().start, 43);
      REQUIRE(ended);
      auto const clean = find_log_head(device, log);
      REQUIRE(clean);
      CHECK(clean.value().clean);
      CHECK(clean.value().head == ended.value().head);
      CHECK(clean.value().tail == clean.value().head);
    }
  }

  TEST_CASE("the bound on a checkpoint's length holds and is close") {
    LogGeometry const log = log_of(log_blocks);
    for (u64 seed = 1; seed <= 60; ++seed) {
      CAPTURE(seed);
      u32 const record = seed % 2 == 0 ? 32768 : 262144;
      test::MemoryLog device(u64{log.blocks} * 512);
      LogState const state =
          clean_at(device, log_of(2000), Lsn(1, LogBlock(2 + 7 * (record >> 18))), record);
      RandomItems items(seed, static_cast<u32>(1 + seed * 13), seed % 3 == 0 ? 128 : 3000);
      auto writer = LogWriter::create(device, log, state, record);
      REQUIRE(writer);
      u64 const most = writer.value()->checkpoint_blocks(items.sizes());
      auto const result = writer.value()->write_checkpoint(items, state.tail, 1);
      REQUIRE(result);
      u64 const blocks = result.value().bytes / 512;
      CHECK(blocks <= most);
      CHECK(most <= blocks + blocks / 500 + record / 512 + 2);
    }
  }

  TEST_CASE("what is in flight stays within a mebibyte, and a small checkpoint has one flush") {
    LogGeometry const log = log_of(log_blocks);
    for (u32 const items : {10U, 450U, 2000U}) {
      CAPTURE(items);
      test::MemoryLog device(u64{log_blocks} * 512);
      LogState const state = clean_at(device, log, Lsn(2, LogBlock(18000)), 32768);
      RandomItems source(9, items, 2000);
      auto writer = LogWriter::create(device, log, state, 32768);
      REQUIRE(writer);
      REQUIRE(device.flush());
      device.forget_most_in_flight();
      u64 const before = device.flushes();
      auto const result = writer.value()->write_checkpoint(source, state.tail, 42);
      REQUIRE(result);
      CHECK(device.most_in_flight() <= LogWriter::batch_bytes);
      CHECK(result.value().flushes == device.flushes() - before);
      bool const small = result.value().bytes <= LogWriter::batch_bytes;
      CHECK((result.value().flushes == 1) == small);
    }
  }

  TEST_CASE("leftovers ahead of the head are cleared, and a log without any is not written") {
    LogGeometry const log = log_of(log_blocks);
    for (Lsn const head : {Lsn(1, LogBlock(9)), Lsn(4, LogBlock(19000))}) {
      CAPTURE(head.block().raw());
      test::MemoryLog device(u64{log_blocks} * 512);
      LogState const state = clean_at(device, log, head, 32768);
      auto writer = LogWriter::create(device, log, state, 32768);
      REQUIRE(writer);
      std::vector<std::byte> const before = device.bytes();
      REQUIRE(writer.value()->clear_stale());
      REQUIRE(device.bytes() == before);

      // A sector of a record that was under way when the power failed, some way ahead.
      u32 const at = (head.block().raw() + 3000) % log_blocks;
      u32 const cycle = head.cycle() + (at < head.block().raw() ? 1 : 0);
      edit_as<be32>(device.bytes(), std::size_t{at} * 512) = cycle;
      REQUIRE(writer.value()->clear_stale());
      CHECK(log_cycle_of(ConstBytes(device.bytes()).subspan(std::size_t{at} * 512, 512)) ==
            cycle - 1);
      auto const found = find_log_head(device, log);
      REQUIRE(found);
      CHECK(found.value().clean);
      CHECK(found.value().head == head);
    }
  }

  TEST_CASE("of a checkpoint in flight with sectors missing, nothing is left") {
    LogGeometry const log = log_of(log_blocks);
    std::mt19937_64 random(4);
    for (Lsn const head : {Lsn(1, LogBlock(9)), Lsn(1, LogBlock(19700)), Lsn(4, LogBlock(19991))}) {
      for (u32 const record : {32768U, 262144U}) {
        test::MemoryLog device(u64{log_blocks} * 512);
        LogState const state = clean_at(device, log, head, record);
        RandomItems items(8, 400, 2000);
        auto writer = LogWriter::create(device, log, state, record);
        REQUIRE(writer);
        REQUIRE(writer.value()->clear_stale());
        device.keep_unflushed();
        auto const result = writer.value()->write_checkpoint(items, state.tail, 42);
        REQUIRE(result);
        std::vector<std::byte> const whole = device.bytes();
        for (int round = 0; round < 30; ++round) {
          CAPTURE(round);
          device.bytes() = whole;
          std::size_t const total = device.unflushed().size();
          std::size_t const must = random() % total;
          std::size_t i = 0;
          for (auto const& [offset, old] : device.unflushed()) {
            if (i++ == must || random() % 100 < static_cast<u64>(round) * 3) {
              std::ranges::copy(old, device.bytes().begin() + static_cast<std::ptrdiff_t>(offset));
            }
          }
          auto const found = find_log_head(device, log);
          REQUIRE(found);
          // Whole records may be left, but never the one with the commit behind a gap.
          CHECK((found.value().clean || found.value().head != result.value().head));
          if (!found.value().clean) {
            std::vector<Op> const ops =
                ops_between(device, log, found.value().tail, found.value().head);
            CHECK(ops.back().flags != disk::log_op::commit);
          }
        }
      }
    }
  }

  TEST_CASE("each failing write or flush is one error, after which nothing more is written") {
    LogGeometry const log = log_of(log_blocks);
    for (s64 n = 0; n < 12; ++n) {
      for (bool const flush : {false, true}) {
        test::MemoryLog device(u64{log_blocks} * 512);
        LogState const state = clean_at(device, log, Lsn(2, LogBlock(19000)), 32768);
        RandomItems items(8, 1800, 2000);
        auto writer = LogWriter::create(device, log, state, 32768);
        REQUIRE(writer);
        flush ? device.fail_flush(n) : device.fail_write(n);
        auto const result = writer.value()->write_checkpoint(items, state.tail, 42);
        if (result) continue;
        CHECK(result.error().code == Errc::io);
        auto const again = writer.value()->write_unmount(state.tail, 43);
        REQUIRE(again.has_error());
        CHECK(again.error().code == Errc::shut_down);
      }
    }
  }

  TEST_CASE("what does not fit is refused before the first write") {
    LogGeometry const log = log_of(log_blocks);
    test::MemoryLog device(u64{log_blocks} * 512);
    LogState const state = clean_at(device, log, Lsn(2, LogBlock(2)), 32768);
    std::vector<std::byte> const before = device.bytes();
    RandomItems items(8, 2700, 8000);
    auto writer = LogWriter::create(device, log, state, 32768);
    REQUIRE(writer);
    CHECK(writer.value()->free_blocks() == log_blocks - log_blocks / 16);
    auto const result = writer.value()->write_checkpoint(items, state.tail, 42);
    REQUIRE(result.has_error());
    CHECK(result.error().code == Errc::refused);
    CHECK(result.error().errno_class == ENOSPC);
    CHECK(device.bytes() == before);
  }

  TEST_CASE("a dirty log is not written to") {
    LogGeometry const log = log_of(log_blocks);
    test::MemoryLog device(u64{log_blocks} * 512);
    clean_at(device, log, Lsn(2, LogBlock(2)), 32768);
    RandomItems items(8, 3, 800);
    REQUIRE(compose_checkpoint(device, log, items, {}));
    RandomItems more(9, 3, 800);
    auto const again = compose_checkpoint(device, log, more, {});
    REQUIRE(again.has_error());
    CHECK(again.error().code == Errc::dirty_log);
  }

  TEST_CASE("each failing read of the search for the head is one error") {
    LogGeometry const log = log_of(log_blocks);
    test::MemoryLog device(u64{log_blocks} * 512);
    clean_at(device, log, Lsn(2, LogBlock(777)), 32768);
    RandomItems items(8, 30, 800);
    REQUIRE(compose_checkpoint(device, log, items, {}));
    s64 n = 0;
    for (;; ++n) {
      device.fail_read(n);
      auto const found = find_log_head(device, log);
      if (found) break;
      CHECK(found.error().code == Errc::io);
    }
    CHECK(n > 5);
  }

  TEST_CASE("a zeroed log is empty and may be written") {
    LogGeometry const log = log_of(log_blocks);
    test::MemoryLog device(u64{log_blocks} * 512);
    auto const found = find_log_head(device, log);
    REQUIRE(found);
    CHECK(found.value().empty);
    CHECK(found.value().clean);
    CHECK(found.value().head == Lsn(1, LogBlock(0)));
    RandomItems items(8, 30, 800);
    REQUIRE(compose_checkpoint(device, log, items, {}));
    auto const after = find_log_head(device, log);
    REQUIRE(after);
    CHECK(!after.value().clean);
    CHECK(after.value().tail == Lsn(1, LogBlock(0)));
  }

  TEST_CASE("a record of another filesystem is refused with its place and both identifiers") {
    LogGeometry log = log_of(log_blocks);
    test::MemoryLog device(u64{log_blocks} * 512);
    clean_at(device, log, Lsn(1, LogBlock(2)), 32768);
    log.uuid.b[9] = 0x99;
    auto const found = find_log_head(device, log);
    REQUIRE(found.has_error());
    CHECK(found.error().code == Errc::bad_value);
    CHECK(found.error().field == "fs_uuid");
    CHECK(found.error().address_kind == AddressKind::log_block);
    CHECK(found.error().address == 0);
    CHECK(found.error().expected.is_uuid);
  }
}
