#include "undo/rehearsal.h"
#include "support/host.h"
#include "testing/recording_device.h"
#include "undo/undo_support.h"

#include <doctest/doctest.h>

#include <random>

namespace {

using namespace xfsx;
using namespace xfsx::tests;

constexpr u64 disk_size = 64 * 512;

}  // namespace

TEST_SUITE("undo") {
  TEST_CASE("a rehearsal reads as if it had written, and then does what it said") {
    std::mt19937 random(3);
    for (u32 round = 0; round < 200; ++round) {
      CAPTURE(round);
      MemoryDevice disk(disk_size);
      put(disk, 0, patterned(disk_size, round));
      std::unique_ptr<MemoryDevice> const before = disk.snapshot();
      std::unique_ptr<MemoryDevice> const model = disk.snapshot();
      Rehearsal rehearsal(disk, {});
      for (u32 n = 0; n < 12; ++n) {
        u64 const first = random() % 64;
        u64 const count = 1 + random() % (64 - first);
        std::vector<std::byte> const bytes = patterned(count * 512, random());
        put(rehearsal.data(), first * 512, bytes);
        put(*model, first * 512, bytes);
        u64 const from = random() % disk_size;
        u64 const length = 1 + random() % (disk_size - from);
        CHECK(bytes_at(rehearsal.data(), from, length) == bytes_at(*model, from, length));
      }
      CHECK(test::same(disk, *before));
      REQUIRE(rehearsal.carry_out());
      CHECK(test::same(disk, *model));
    }
  }

  TEST_CASE("a rehearsal keeps the order of writes and flushes over all devices") {
    MemoryDevice data(disk_size);
    MemoryDevice log(disk_size);
    Rehearsal rehearsal(data, {&log, nullptr});
    CHECK(rehearsal.further().realtime == nullptr);
    std::vector<std::byte> const bytes = filled(1024, 1);
    WriteRequest const two[] = {{0, bytes}, {4096, bytes}};
    REQUIRE(rehearsal.data().write(two));
    REQUIRE(rehearsal.data().flush());
    REQUIRE(rehearsal.further().log->write_durable({two, 1}));
    using Kind = Rehearsal::Step::Kind;
    std::span<Rehearsal::Step const> const steps = rehearsal.steps();
    REQUIRE(steps.size() == 3);
    CHECK(steps[0].kind == Kind::write);
    CHECK(steps[0].writes.size() == 2);
    CHECK(steps[1].kind == Kind::flush);
    CHECK(steps[2].kind == Kind::write_durable);
    CHECK(steps[2].role == DeviceRole::log);
    CHECK(log.stats().writes == 0);
    REQUIRE(rehearsal.carry_out());
    CHECK(bytes_at(log, 0, 1024) == bytes);
    CHECK(bytes_at(data, 4096, 1024) == bytes);
  }

  TEST_CASE("a write behind the end of a rehearsed device is refused") {
    MemoryDevice data(disk_size);
    Rehearsal rehearsal(data, {});
    std::vector<std::byte> const bytes = filled(1024, 1);
    WriteRequest const request{disk_size - 512, bytes};
    Result<void> const done = rehearsal.data().write({&request, 1});
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == Errc::truncated);
    CHECK(rehearsal.steps().empty());
  }
}
