#include "log/assemble.h"

#include "log/find_head.h"
#include "log/log_records.h"
#include "support/images.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace xfsx;
using test::bytes;
namespace op = disk::log_op;

namespace {

/// A first region: type and the number of regions.
std::vector<std::byte> first_region(int type, int regions) {
  return bytes({type & 0xff, type >> 8, regions, 0, 1, 2, 3, 4});
}

Error error_of(test::OpsRecord const& made) {
  test::KeptTransactions kept;
  LogAssembler assembler(kept);
  Result<void> const fed = assembler.feed(made.record(9));
  REQUIRE(!fed);
  CHECK(fed.error().code == Errc::bad_value);
  CHECK(fed.error().address_kind == AddressKind::log_block);
  CHECK(fed.error().address == 9);
  return fed.error();
}

}  // namespace

TEST_SUITE("log assembler") {
  TEST_CASE("transactions that lie between each other come apart, cut regions come together") {
    std::vector<std::byte> const a = first_region(0x123b, 2), b = first_region(0x123c, 1);
    std::vector<std::byte> const more = bytes({9, 8, 7, 6, 5, 4, 3, 2});
    test::OpsRecord one, two, three;
    one.start(1).start(2).op(1, 0, a).op(2, 0, b).op(1, op::cont, ConstBytes(more).first(4));
    two.op(1, op::was_cont | op::cont, {}).commit(2);
    three.op(1, op::was_cont | op::end, ConstBytes(more).subspan(4)).op(1, 0, b).commit(1);

    test::KeptTransactions kept;
    LogAssembler assembler(kept);
    REQUIRE(assembler.feed(one.record(10)));
    REQUIRE(assembler.feed(two.record(20)));
    REQUIRE(assembler.feed(three.record(30)));
    REQUIRE(assembler.finish());

    REQUIRE(kept.all.size() == 2);
    CHECK(kept.left.empty());
    CHECK(kept.all[0].tid == 2);
    CHECK(kept.all[0].lsn == Lsn(5, LogBlock(10)));
    CHECK(kept.all[0].commit == Lsn(5, LogBlock(20)));
    LogTransaction const& first = kept.all[1];
    REQUIRE(first.items.size() == 2);
    CHECK(first.items[0].regions == 2);
    std::span<LogRegion const> const regions = first.regions_of(first.items[0]);
    REQUIRE(regions.size() == 2);
    CHECK(std::ranges::equal(first.bytes_of(regions[1]), more));
    CHECK(regions[1].block == 10);
    CHECK(regions[1].op == 6);
    CHECK(first.items[1].type == 0x123c);
  }

  TEST_CASE("what starts before the first record is passed over, what does not end is left") {
    test::OpsRecord made;
    made.op(7, 0, first_region(0x123b, 1)).commit(7).start(8).op(8, 0, first_region(0x123c, 3));
    test::KeptTransactions kept;
    LogAssembler assembler(kept);
    REQUIRE(assembler.feed(made.record(1)));
    REQUIRE(assembler.finish());
    CHECK(kept.all.empty());
    REQUIRE(kept.left.size() == 1);
    CHECK(kept.left[0].tid == 8);
    CHECK(!kept.left[0].committed);
    CHECK(kept.left[0].items[0].regions == 3);
    CHECK(kept.left[0].regions_of(kept.left[0].items[0]).size() == 1);
  }

  TEST_CASE("what Linux would not replay is an error that names record, operation and field") {
    struct Case {
      test::OpsRecord made;
      std::string_view structure, field, note;
    };
    std::vector<std::byte> const item = first_region(0x123b, 1);
    std::vector<std::byte> const none = first_region(0x123b, 0), wide = bytes({0x3b, 0x12, 2, 1});
    Case const cases[] = {
        {test::OpsRecord().start(1).start(1), "log_op", "tid", "operation 2"},
        {test::OpsRecord().start(1).op(1, 0, item, 0x55), "log_op", "clientid", "operation 2"},
        {test::OpsRecord().start(1).op(1, op::commit | op::cont), "log_op", "flags", "operation 2"},
        {test::OpsRecord().start(1).op(1, op::was_cont, item), "log_op", "flags", "operation 2"},
        {test::OpsRecord().start(1).op(1, 0, bytes({1, 2})), "log_op", "len", "operation 2"},
        {test::OpsRecord().start(1).op(1, 0, none), "log item", "size", "operation 2"},
        {test::OpsRecord().start(1).op(1, 0, wide), "log item", "size", "operation 2"},
        {test::OpsRecord().op(1, op::start).op(1, 0, std::vector<std::byte>(16)), "log_trans",
         "magic", "operation 1"},
        {test::OpsRecord().op(1, op::start).op(1, 0, std::vector<std::byte>(17)), "log_op", "len",
         "operation 1"},
    };
    for (Case const& c : cases) {
      Error const e = error_of(c.made);
      CAPTURE(describe(e));
      CHECK(e.structure == c.structure);
      CHECK(e.field == c.field);
      CHECK(e.note.view() == c.note);
    }
  }

  TEST_CASE("an operation ends with its record, and the byte order is one that is known") {
    test::OpsRecord const made = test::OpsRecord().start(1);
    LogRecord record = made.record(3);
    record.data = record.data.first(record.data.size() - 1);
    test::KeptTransactions kept;
    LogAssembler assembler(kept);
    Result<void> const cut = assembler.feed(record);
    REQUIRE(!cut);
    CHECK(cut.error().field == "len");
    Result<void> const strange = LogAssembler(kept).feed(made.record(3, 4));
    REQUIRE(!strange);
    CHECK(strange.error().field == "fmt");
  }

  TEST_CASE("more transactions at a time than anybody has are refused") {
    test::OpsRecord made;
    for (u32 tid = 0; tid <= LogAssembler::most_open; ++tid) made.op(tid, op::start);
    Error const e = error_of(made);
    CHECK(e.note.view() == "operation 1024");
  }
}

TEST_SUITE("log walk") {
  struct OpenLog {
    std::unique_ptr<MemoryDevice> disk;
    LogGeometry log;
    LogState state;

    explicit OpenLog(std::string const& name) : disk(test::image(name)) {
      std::vector<std::byte> const sector = test::read_bytes(*disk, 0, 4096);
      Geometry const geometry =
          Geometry::from_superblock(sector, {disk->info().size, disk->info().logical_sector})
              .value();
      log = LogGeometry::of(geometry).value();
      state = find_log_head(*disk, log).value();
    }
    std::vector<LogRecord> records(LogWalk::From from) {
      LogWalk walk(*disk, log, state, from);
      std::vector<LogRecord> all;
      while (std::optional<LogRecord> const record = walk.next().value()) all.push_back(*record);
      return all;
    }
    /// Changes one byte of the last block of a record.
    void damage(LogRecord const& record) {
      u32 const last = record.block + record.header_blocks + record.header.len.value() / 512 - 1;
      u64 const at = log.byte_of(LogBlock(last % log.blocks)) + 300;
      std::vector<std::byte> byte = test::read_bytes(*disk, at, 1);
      byte[0] ^= std::byte{1};
      test::write_bytes(*disk, at, byte);
    }
  };

  TEST_CASE("records follow each other up to the head, round the end of the log") {
    for (char const* name : {"wrapped", "wrapped-su256k", "wrapped-sector4k", "dirty-log"}) {
      CAPTURE(name);
      OpenLog open(name);
      std::vector<LogRecord> const all = open.records(LogWalk::From::oldest);
      REQUIRE(!all.empty());
      for (std::size_t i = 1; i < all.size(); ++i) {
        u32 const length = all[i - 1].header_blocks + all[i - 1].header.len.value() / 512;
        CHECK((all[i - 1].block + length) % open.log.blocks == all[i].block);
        CHECK(all[i - 1].header.lsn.value() < all[i].header.lsn.value());
      }
      CHECK(all.back().block == open.state.last_record.raw());
    }
  }

  TEST_CASE("what recovery reads must be right, and history may have holes") {
    OpenLog dirty("dirty-log");
    std::vector<LogRecord> const pending = dirty.records(LogWalk::From::tail);
    REQUIRE(pending.size() > 1);
    CHECK(pending.front().block == dirty.state.tail.block().raw());
    CHECK(std::ranges::all_of(pending, &LogRecord::pending));
    dirty.damage(pending.back());
    LogWalk walk(*dirty.disk, dirty.log, dirty.state, LogWalk::From::tail);
    for (std::size_t i = 0; i + 1 < pending.size(); ++i) REQUIRE(walk.next().value());
    Result<std::optional<LogRecord>> const bad = walk.next();
    REQUIRE(!bad);
    CHECK(bad.error().code == Errc::bad_crc);
    CHECK(bad.error().address == pending.back().block);

    OpenLog clean("wrapped");
    std::vector<LogRecord> const before = clean.records(LogWalk::From::oldest);
    CHECK(clean.records(LogWalk::From::tail).empty());
    CHECK(std::ranges::none_of(before, &LogRecord::pending));
    clean.damage(before[before.size() / 2]);
    CHECK(clean.records(LogWalk::From::oldest).size() == before.size() - 1);
  }
}
