#include "testing/crash_states.h"
#include "support/host.h"

#include <doctest/doctest.h>

#include <set>

namespace {

using namespace xfsx;
using namespace xfsx::tests;

constexpr u64 disk_size = 1 << 20;

/// One digit for each of the first sectors: its first byte.
std::string digits(MemoryDevice& disk, std::size_t sectors) {
  std::string text;
  for (std::size_t i = 0; i < sectors; ++i) {
    text += static_cast<char>('0' + static_cast<int>(bytes_at(disk, i * 512, 1)[0]));
  }
  return text;
}

std::set<std::string> images(MemoryDevice const& base, Recording const& recording,
                             CrashOptions const& options, std::size_t sectors) {
  std::set<std::string> found;
  u64 const visited = for_each_crash_state(base, recording, options, [&](CrashState const& state) {
    std::string const text = digits(*state.image(), sectors);
    CHECK(found.insert(text).second);
    return true;
  });
  CHECK(visited == found.size());
  return found;
}

struct Recorded {
  MemoryDevice base{disk_size};
  std::unique_ptr<MemoryDevice> disk = base.snapshot();
  RecordingDevice device{*disk};
};

}  // namespace

TEST_SUITE("testing") {
  TEST_CASE("a recording keeps writes, barriers and marks in their order") {
    Recorded r;
    put(r.device, 0, filled(1024, 1));
    REQUIRE(r.device.flush());
    r.device.mark("here");
    std::vector<std::byte> const bytes = filled(512, 2);
    WriteRequest const request{512, bytes};
    REQUIRE(r.device.write_durable({&request, 1}));
    std::vector<RecordedEvent> const& events = r.device.recording().events;
    using Kind = RecordedEvent::Kind;
    REQUIRE(events.size() == 5);
    CHECK(events[0].kind == Kind::write);
    CHECK(events[0].bytes == filled(1024, 1));
    CHECK_FALSE(events[0].durable);
    CHECK(events[1].kind == Kind::barrier);
    CHECK(events[2].name == "here");
    CHECK(events[3].durable);
    CHECK(events[3].offset == 512);
    CHECK(events[4].kind == Kind::barrier);
    CHECK(bytes_at(*r.disk, 512, 512) == bytes);
  }

  TEST_CASE("what no barrier holds back arrives in every subset") {
    Recorded r;
    put(r.device, 0, filled(512, 1));
    put(r.device, 512, filled(512, 2));
    put(r.device, 1024, filled(512, 3));
    std::set<std::string> const all = {"000", "100", "020", "120", "003", "103", "023", "123"};
    CHECK(images(r.base, r.device.recording(), {}, 3) == all);
  }

  TEST_CASE("a state tells whether its prefix ends where a write does") {
    Recorded r;
    put(r.device, 0, filled(1024, 1));
    put(r.device, 1024, filled(512, 2));
    std::set<std::string> inside;
    for_each_crash_state(r.base, r.device.recording(), {}, [&](CrashState const& state) {
      if (!state.ends_write()) inside.insert(state.id());
      return true;
    });
    CHECK(inside == std::set<std::string>{"1/all"});
  }

  TEST_CASE("a barrier orders what is before it and what is after it") {
    Recorded r;
    put(r.device, 0, filled(512, 1));
    REQUIRE(r.device.flush());
    put(r.device, 512, filled(512, 2));
    std::set<std::string> const ordered = {"00", "10", "12"};
    CHECK(images(r.base, r.device.recording(), {}, 2) == ordered);
  }

  TEST_CASE("a later write of a sector wins over an earlier one, if both arrive") {
    Recorded r;
    put(r.device, 0, filled(512, 1));
    put(r.device, 0, filled(512, 2));
    std::set<std::string> const either = {"0", "1", "2"};
    CHECK(images(r.base, r.device.recording(), {}, 1) == either);
  }

  TEST_CASE("a write is torn at its sectors, larger ones where the disk has larger") {
    Recorded r;
    put(r.device, 0, filled(8 * 512, 1));
    CHECK(images(r.base, r.device.recording(), {}, 8).size() == 256);
    std::set<std::string> const halves = {"00000000", "11110000", "00001111", "11111111"};
    CHECK(images(r.base, r.device.recording(), {.unit = 2048}, 8) == halves);
  }

  TEST_CASE("a write that counts as one is never torn") {
    Recorded r;
    put(r.device, 0, filled(1024, 1));
    put(r.device, 1024, filled(1024, 2));
    CrashOptions options;
    options.indivisible = [](u64, ConstBytes bytes) { return bytes[0] == std::byte{2}; };
    std::set<std::string> const found = images(r.base, r.device.recording(), options, 4);
    std::set<std::string> const expected = {"0000", "1000", "0100", "1100",
                                            "0022", "1022", "0122", "1122"};
    CHECK(found == expected);
  }

  TEST_CASE("what changes nothing makes no states") {
    Recorded r;
    r.base.poke(0, filled(512, 1));
    put(r.device, 0, filled(1024, 1));
    std::set<std::string> const two = {"10", "11"};
    CHECK(images(r.base, r.device.recording(), {}, 2) == two);
    for_each_crash_state(r.base, r.device.recording(), {}, [](CrashState const& state) {
      CHECK(state.delta().count(0) == 0);
      return true;
    });
  }

  TEST_CASE("of many open sectors each is once missing and once alone") {
    Recorded r;
    put(r.device, 0, filled(40 * 512, 1));
    u64 missing = 0;
    u64 alone = 0;
    u64 other = 0;
    u64 const visited = for_each_crash_state(r.base, r.device.recording(), {.subsets = 100},
                                             [&](CrashState const& state) {
                                               std::size_t const count = state.delta().size();
                                               missing += count == 39 ? 1 : 0;
                                               alone += count == 1 ? 1 : 0;
                                               other += count != 39 && count != 1 ? 1 : 0;
                                               return true;
                                             });
    CHECK(missing == 40);
    CHECK(alone == 40);
    // None, all, the prefixes of 2 to 38 sectors, and 20 random ones.
    CHECK(other == 2 + 37 + 20);
    CHECK(visited == 80 + 59);
  }

  TEST_CASE("from a mark behind a barrier on, every state knows that it is after it") {
    Recorded r;
    put(r.device, 0, filled(1024, 1));
    REQUIRE(r.device.flush());
    r.device.mark("commit durable");
    put(r.device, 1024, filled(1024, 2));
    u64 after = 0;
    for_each_crash_state(r.base, r.device.recording(), {}, [&](CrashState const& state) {
      std::string const text = digits(*state.image(), 4);
      bool const durable = text.starts_with("11");
      if (state.after("commit durable")) {
        ++after;
        CHECK(durable);
      } else {
        CHECK(text.ends_with("00"));
        CHECK(text != "1100");
      }
      return true;
    });
    CHECK(after == 4);
  }

  TEST_CASE("a mark without a barrier promises nothing") {
    Recorded r;
    put(r.device, 0, filled(1024, 1));
    r.device.mark("written");
    std::set<std::string> after;
    for_each_crash_state(r.base, r.device.recording(), {}, [&](CrashState const& state) {
      if (state.after("written")) after.insert(digits(*state.image(), 2));
      return true;
    });
    std::set<std::string> const any = {"00", "10", "01", "11"};
    CHECK(after == any);
  }

  TEST_CASE("a state is found again by its id") {
    Recorded r;
    put(r.device, 0, filled(40 * 512, 1));
    REQUIRE(r.device.flush());
    put(r.device, 512, filled(40 * 512, 2));
    Recording const& recording = r.device.recording();
    CrashOptions const options{.seed = 5, .subsets = 30};
    std::set<std::string> ids;
    for_each_crash_state(r.base, recording, options, [&](CrashState const& state) {
      CHECK(ids.insert(state.id()).second);
      bool same = false;
      bool const found =
          replay_crash_state(r.base, recording, {.seed = 99}, state.id(), [&](CrashState const& s) {
            same = digits(*s.image(), 41) == digits(*state.image(), 41) && s.id() == state.id() &&
                   s.delta().size() == state.delta().size();
            return true;
          });
      CHECK(found);
      CHECK(same);
      return true;
    });
    CHECK(ids.size() > 100);
    for (std::string_view const bad : {"", "1", "1/some", "x/all", "1000/all", "1/drop:x"}) {
      CHECK_FALSE(replay_crash_state(r.base, recording, {}, bad, [](auto const&) { return true; }));
    }
  }

  TEST_CASE("a sample has its size and follows its seed") {
    Recorded r;
    put(r.device, 0, filled(200 * 512, 1));
    REQUIRE(r.device.flush());
    put(r.device, 200 * 512, filled(200 * 512, 2));
    auto const sample = [&](u64 seed) {
      std::set<std::string> ids;
      for_each_crash_state(r.base, r.device.recording(), {.seed = seed, .sample = 100},
                           [&](CrashState const& state) { return ids.insert(state.id()).second; });
      return ids;
    };
    CHECK(sample(1).size() > 90);
    CHECK(sample(1).size() <= 100);
    CHECK(sample(1) == sample(1));
    CHECK(sample(1) != sample(2));
  }
}
