// What set and fuzz write: every request may fail, and the power may fail at any moment.

#include "cli/change.h"

#include "support/sinks.h"
#include "testing/crash_states.h"
#include "testing/faulty_device.h"
#include "testing/memory_device.h"

#include <doctest/doctest.h>

#include <set>
#include <tuple>

namespace {

using namespace xfsx;
using inspect::Patch;

constexpr u64 size = 1 << 20;

std::vector<std::byte> filled(std::size_t count, u8 with) {
  return std::vector<std::byte>(count, std::byte{with});
}

/// A number in one sector, its checksum in the next, and a byte far away.
std::vector<Patch> patches() {
  return {{510, filled(2, 0), filled(2, 1)},
          {512, filled(4, 0), filled(4, 2)},
          {40961, filled(1, 0), filled(1, 3)}};
}

struct Run {
  test::StringSink out, err;
  cli::Attention attention;
  cli::Environment environment{out, err, attention, [] { return Timestamp{}; }, [] { return 0.0; }};
  cli::GlobalOptions options;
  cli::Session session{environment, options};

  Result<void> write(BlockDevice& device, std::vector<Patch> const& what) {
    return cli::write_patches(session, device, what);
  }
};

std::vector<std::byte> bytes_of_disk(BlockDevice& device) {
  std::vector<std::byte> bytes(size);
  ReadRequest const request{0, bytes};
  REQUIRE(device.read({&request, 1}));
  return bytes;
}

std::vector<std::byte> changed_disk() {
  std::vector<std::byte> bytes(size);
  for (Patch const& p : patches()) {
    std::copy(p.after.begin(), p.after.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(p.offset));
  }
  return bytes;
}

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("patches are written in whole sectors and made durable") {
    MemoryDevice disk(size);
    RecordingDevice recorder(disk);
    REQUIRE(Run().write(recorder, patches()));
    CHECK(bytes_of_disk(disk) == changed_disk());
    std::vector<RecordedEvent> const& events = recorder.recording().events;
    REQUIRE(events.size() == 3);
    CHECK(std::tuple(events[0].offset, events[0].bytes.size()) == std::tuple(0, 1024));
    CHECK(std::tuple(events[1].offset, events[1].bytes.size()) == std::tuple(40960, 512));
    CHECK(events[2].kind == RecordedEvent::Kind::barrier);
  }

  TEST_CASE("a request that fails is told, with what became of the image") {
    for (DeviceCall const call :
         {DeviceCall::read, DeviceCall::reserve, DeviceCall::write, DeviceCall::flush}) {
      u32 failed = 0;
      for (u64 nth = 1;; ++nth) {
        MemoryDevice disk(size);
        FaultyDevice faulty(disk);
        faulty.arm({.call = call, .nth = nth, .torn_sectors = 1});
        Run run;
        Result<void> const done = run.write(faulty, patches());
        if (!faulty.fired()) {
          CHECK(done);
          break;
        }
        ++failed;
        REQUIRE_FALSE(done);
        CHECK(done.error().errno_class == EIO);
        bool const wrote = call == DeviceCall::write || call == DeviceCall::flush;
        CHECK(done.error().image == (wrote ? ImageState::unknown : ImageState::unchanged));
        if (!wrote) CHECK(bytes_of_disk(disk) == filled(size, 0));
        CHECK(run.session.fail(done.error()) == 8);
        CHECK(run.err.text.find(wrote ? "unknown" : "unchanged") != std::string::npos);
        CHECK_FALSE(run.attention.writing);
      }
      CHECK(failed > 0);
    }
  }

  TEST_CASE("after a power failure each sector is old or new, and new once it was durable") {
    MemoryDevice disk(size);
    std::unique_ptr<MemoryDevice> const base = disk.snapshot();
    RecordingDevice recorder(disk);
    REQUIRE(Run().write(recorder, patches()));
    recorder.mark("durable");
    std::vector<std::byte> const wanted = changed_disk();
    std::set<std::vector<u64>> seen;
    for_each_crash_state(*base, recorder.recording(), {}, [&](CrashState const& state) {
      std::vector<u64> changed;
      for (auto const& [offset, bytes] : state.delta()) {
        ConstBytes const want = ConstBytes(wanted).subspan(offset, bytes.size());
        CHECK(std::ranges::equal(bytes, want));
        changed.push_back(offset);
      }
      if (state.after("durable")) CHECK(changed == std::vector<u64>{0, 512, 40960});
      seen.insert(changed);
      return true;
    });
    CHECK(seen.size() == 8);
  }

  TEST_CASE("nothing is written where the bytes are others, or the device ends, or on a wish") {
    MemoryDevice disk(size);
    std::byte const other{9};
    disk.poke(40961, {&other, 1});
    std::vector<std::byte> const before = bytes_of_disk(disk);
    RecordingDevice recorder(disk);
    CHECK(Run().write(recorder, patches()).error().errno_class == EINVAL);
    std::vector<Patch> const outside = {{size - 1, filled(2, 0), filled(2, 1)}};
    CHECK(Run().write(recorder, outside).error().errno_class == EINVAL);
    Run stopped;
    stopped.attention.cancelled = true;
    std::vector<Patch> const inside = {{0, filled(1, 0), filled(1, 1)}};
    CHECK(stopped.write(recorder, inside).error().code == Errc::cancelled);
    CHECK(recorder.recording().events.empty());
    CHECK(bytes_of_disk(disk) == before);
  }
}
