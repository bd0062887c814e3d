#include "crash/faults.h"
#include "log/log_writer.h"
#include "support/effort.h"
#include "support/images.h"
#include "testing/failing_new.h"
#include "txn/volume.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace {

using namespace xfsx;
using namespace xfsx::test;

struct Case {
  std::string image, pair;
  u64 pad = 0;
  std::optional<ExchangeRange> range = {};
  std::string folder = "/swap/";
  std::optional<ForkKind> fork = {};
  std::string other = {};  ///< the second of a pair whose names are not alike
};

Case const cases[] = {
    {"debian12", "one"},
    {"debian12", "many"},
    {"wrapped", "twenty"},
    {"wrapped", "many", 2'000'000},
    {"log-su32k", "many"},
    {"sector4k", "mixed"},
    {"rare", "shared"},
    {"rare", "many"},
    {"rare", "many", 0, ExchangeRange{1024, 1024, 1298 * 1024}},
    {"block1k", "many", 0, ExchangeRange{0, 650 * 1024, 600 * 1024}},
    {"quota", "one"},
    {"rtgroups", "many", 0, {}, "/rt/"},
    {"rtgroups", "many", 0, ExchangeRange{4096, 81920, 200704}, "/rt/"},
    {"debian12", "attr-node", 0, {}, "/shapes/", ForkKind::attr, "attr-local"},
    {"debian12", "long-fork", 0, {}, "/refuse/", ForkKind::attr, "small-area"},
    {"debian12", "short", 0, {}, "/dirs/", ForkKind::data, "block"},
    {"block1k", "symlink-local", 0, {}, "/shapes/", ForkKind::data, "symlink-remote"},
};

Scenario scenario_of(Case const& c) {
  Scenario scenario;
  scenario.image = std::string(XFSX_IMAGES_DIR) + "/" + c.image + ".img.gz";
  bool const alike = c.other.empty();
  scenario.file1 = c.folder + c.pair + (alike ? "-a" : "");
  scenario.file2 = c.folder + (alike ? c.pair + "-b" : c.other);
  scenario.fork = c.fork;
  scenario.range = c.range;
  scenario.aids.pad_to_bytes = c.pad;
  return scenario;
}

/// The first byte from which two disks differ, outside of a range; their size if none does.
u64 first_difference(MemoryDevice& a, MemoryDevice& b, u64 skip_begin = 0, u64 skip_end = 0) {
  u64 const size = a.info().size;
  for (u64 at = 0; at < size;) {
    ConstBytes const x = a.piece_at(at);
    ConstBytes const y = b.piece_at(at);
    u64 const begin = std::exchange(at, at + x.size());
    // Most pieces are the same in memory.
    if (x.data() == y.data() || std::ranges::equal(x, y)) continue;
    for (u64 i = 0; i < x.size(); ++i) {
      bool const skipped = begin + i >= skip_begin && begin + i < skip_end;
      if (x[i] != y[i] && !skipped) return begin + i;
    }
  }
  return size;
}

struct LogRange {
  u64 begin = 0, end = 0;
};

LogRange log_of(MemoryDevice& disk) {
  FilesystemInfo const info = Filesystem::open(disk).value()->info().value();
  u64 const ag_shift = std::bit_width(info.ag_blocks - 1U);
  u64 const ag = info.log_start.raw() >> ag_shift;
  u64 const block = info.log_start.raw() & ((u64{1} << ag_shift) - 1);
  u64 const begin = (ag * info.ag_blocks + block) * info.block_size;
  return {begin, begin + u64{info.log_blocks} * info.block_size};
}

/// Whether an error before the commit says that the log may need a mount. What cannot be read as a
/// log is not clean either.
bool tells_of_unfinished_checkpoint(Error const& error) {
  return describe(error).find("unfinished checkpoint") != std::string::npos;
}

bool log_is_clean(MemoryDevice& disk) {
  Result<LogState> const log = Volume::open(disk).value()->log();
  return log && log.value().clean;
}

/// What must hold of every failure, whatever failed: one error that says what, and an image that
/// is what the error says of it as far as bytes can tell. Linux judges the rest (stage 30-crash).
void check_failure(FaultedExchange const& done, MemoryDevice& before, MemoryDevice& after,
                   LogRange const& log) {
  CAPTURE(done.id);
  u64 const size = before.info().size;
  if (!done.error) {
    // Only a read that is tried again may fail without consequence.
    CHECK(done.fault.call == DeviceCall::read);
    CHECK(first_difference(*done.disk, after) == size);
    return;
  }
  CHECK(done.error->code == Errc::io);
  CHECK(done.error->errno_class == EIO);
  CHECK(describe(*done.error).find("[EIO]") != std::string::npos);
  bool const writes = done.fault.call == DeviceCall::write || done.fault.call == DeviceCall::flush;
  if (done.error->image == ImageState::unchanged && !log_is_clean(*done.disk)) {
    CHECK(tells_of_unfinished_checkpoint(*done.error));
  }
  if (!writes) {
    CHECK_FALSE(tells_of_unfinished_checkpoint(*done.error));
    CHECK(done.error->image == ImageState::unchanged);
    CHECK(done.disk->stats().writes == 0);
  } else if (done.error->image != ImageState::committed_log_dirty) {
    CHECK(first_difference(*done.disk, before, log.begin, log.end) == size);
  }
}

}  // namespace

TEST_SUITE("crash") {
  TEST_CASE("every failing request is one clear error, and the image is what it says") {
    std::size_t const step = sanitized && !full_campaign() ? 3 : 1;
    for (std::size_t i = 0; i < std::size(cases); i += step) {
      Case const& c = cases[i];
      CAPTURE(c.image);
      CAPTURE(c.pair);
      Scenario const scenario = scenario_of(c);
      Operation const whole = record_exchange(scenario);
      LogRange const log = log_of(*whole.before);
      u64 states[3] = {};
      u64 unfinished = 0;
      for (DeviceCall const call :
           {DeviceCall::read, DeviceCall::write, DeviceCall::flush, DeviceCall::reserve}) {
        u64 faults = 0;
        for_each_fault(*whole.before, scenario, call, [&](FaultedExchange const& done) {
          ++faults;
          if (done.error) {
            ++states[static_cast<std::size_t>(done.error->image)];
            if (tells_of_unfinished_checkpoint(*done.error)) ++unfinished;
          }
          check_failure(done, *whole.before, *whole.after, log);
        });
        CHECK(faults > 0);
      }
      CHECK(states[0] > 0);
      CHECK(states[1] > 0);
      CHECK(states[2] > 0);
      // Only a checkpoint of more than one write can be left unfinished with nothing committed.
      CHECK((unfinished > 0) == (c.pad > LogWriter::batch_bytes));
    }
  }

  TEST_CASE("every failing allocation is one clear error, and the image is unchanged") {
    for (Case const& c :
         {cases[0], cases[1], cases[2], cases[6], cases[10], cases[13], cases[15]}) {
      CAPTURE(c.image);
      CAPTURE(c.pair);
      Scenario const scenario = scenario_of(c);
      Operation const whole = record_exchange(scenario);
      u64 failures = 0;
      for (u64 nth = 1;; ++nth) {
        CAPTURE(nth);
        std::unique_ptr<MemoryDevice> const disk = whole.before->snapshot();
        // The disk's own copies are no allocation of the exchange.
        for (RecordedEvent const& e : whole.recording.events) {
          if (e.kind != RecordedEvent::Kind::write) continue;
          std::vector<std::byte> const old = read_bytes(*disk, e.offset, e.bytes.size());
          disk->poke(e.offset, std::vector<std::byte>(old.size(), std::byte{1}));
          disk->poke(e.offset, old);
        }
        std::optional<Error> error;
        bool fired = false;
        {
          FailingNew const failing(nth);
          Result<ExchangeReport> const result = exchange_files(*disk, scenario);
          fired = failing.fired();
          if (!result) error = result.error();
        }
        if (!fired) {
          CHECK_FALSE(error.has_value());
          CHECK(first_difference(*disk, *whole.after) == disk->info().size);
          break;
        }
        ++failures;
        REQUIRE(error.has_value());
        CHECK(error->code == Errc::no_memory);
        CHECK(error->image == ImageState::unchanged);
        CHECK(disk->stats().writes == 0);
      }
      CHECK(failures > 50);
    }
  }
}
