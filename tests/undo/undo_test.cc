#include "support/host.h"
#include "testing/crash_states.h"
#include "testing/faulty_device.h"
#include "testing/recording_device.h"
#include "undo/undo_support.h"

#include <xfsx/filesystem.h>
#include <xfsx/undo.h>

#include <doctest/doctest.h>

#include <bit>
#include <optional>

namespace {

using namespace xfsx;
using namespace xfsx::test;

Scenario const small = swap_scenario("debian12", "/swap/one-a", "/swap/one-b");

Scenario const scenarios[] = {
    small,
    swap_scenario("wrapped", "/swap/twenty-a", "/swap/twenty-b"),
    swap_scenario("log-su32k", "/swap/many-a", "/swap/many-b"),
    swap_scenario("sector4k", "/swap/mixed-a", "/swap/mixed-b"),
    swap_scenario("rare", "/swap/shared-a", "/swap/shared-b"),
    swap_scenario("block1k", "/swap/many-a", "/swap/many-b"),
};

Scenario const cut_scenarios[] = {scenarios[0], scenarios[1], scenarios[3]};
CrashOptions const cut_options{.subsets = 20, .sample = 200};

bool is_filesystem(BlockDevice& disk) {
  return Filesystem::open(disk).has_value();
}

/// Undoes whatever is on `disk` and compares.
void check_undone(MemoryDevice& disk, Undoable const& u) {
  Result<UndoReport> const done = undo(disk, {}, u.file);
  REQUIRE_MESSAGE(done.has_value(), describe(done.error()));
  CHECK(same(disk, *u.before));
}

Error refusal(MemoryDevice& disk, std::string const& file) {
  std::unique_ptr<MemoryDevice> const copy = disk.snapshot();
  Result<UndoReport> const done = undo(disk, {}, file);
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().image == ImageState::unchanged);
  CHECK(same(disk, *copy));
  Result<UndoReport> const planned = plan_undo(disk, {}, file);
  REQUIRE_FALSE(planned.has_value());
  CHECK(describe(planned.error()) == describe(done.error()));
  return done.error();
}

}  // namespace

TEST_SUITE("undo") {
  TEST_CASE("an exchange that is undone leaves every byte as it was") {
    for (Scenario const& scenario : scenarios) {
      CAPTURE(scenario.image);
      Undoable const u(scenario);
      std::unique_ptr<MemoryDevice> const plain = u.before->snapshot();
      exchange_files(*plain, scenario).value();
      CHECK(same(*u.after, *plain));
      CHECK_FALSE(same(*u.after, *u.before));

      std::unique_ptr<MemoryDevice> const disk = u.after->snapshot();
      UndoReport const planned = plan_undo(*disk, {}, u.file).value();
      CHECK(same(*disk, *u.after));
      CHECK(planned.found == UndoState::done);
      UndoReport const done = undo(*disk, {}, u.file).value();
      CHECK(done.found == UndoState::done);
      CHECK(done.file.bytes == u.summary.bytes);
      CHECK(done.file.log_before.head < done.file.log_after.head);
      CHECK(same(*disk, *u.before));
      CHECK(undo(*disk, {}, u.file).value().found == UndoState::restored);
      CHECK(same(*disk, *u.before));
    }
  }

  TEST_CASE("an exchange that is cut off at any write can be undone") {
    for (Scenario const& scenario : cut_scenarios) {
      CAPTURE(scenario.image);
      Undoable const u(scenario);
      std::unique_ptr<MemoryDevice> const disk = u.before->snapshot();
      RecordingDevice recorder(*disk);
      std::string const file = u.scratch / "again";
      REQUIRE(with_undo(recorder, {}, file, swap_of(scenario)));
      CHECK(tests::file_bytes(file) == tests::file_bytes(u.file));
      u64 begun = 0;
      auto const visit = [&](CrashState const& state) {
        CAPTURE(state.id());
        std::unique_ptr<MemoryDevice> const image = state.image();
        UndoState const found = plan_undo(*image, {}, u.file).value().found;
        CHECK(found != UndoState::undoing);
        if (found == UndoState::begun) ++begun;
        check_undone(*image, u);
        return true;
      };
      for_each_crash_state(*u.before, recorder.recording(), cut_options, visit);
      CHECK(begun > 1);
    }
  }

  TEST_CASE("an undo that is cut off at any write can be run again, and is mounted by nobody") {
    for (Scenario const& scenario : cut_scenarios) {
      CAPTURE(scenario.image);
      Undoable const u(scenario);
      std::unique_ptr<MemoryDevice> const disk = u.after->snapshot();
      RecordingDevice recorder(*disk);
      REQUIRE(undo(recorder, {}, u.file));
      u64 undoing = 0;
      auto const visit = [&](CrashState const& state) {
        CAPTURE(state.id());
        std::unique_ptr<MemoryDevice> const image = state.image();
        UndoState const found = plan_undo(*image, {}, u.file).value().found;
        CHECK(is_filesystem(*image) == (found != UndoState::undoing));
        if (found == UndoState::done) CHECK(same(*image, *u.after));
        if (found == UndoState::restored) CHECK(same(*image, *u.before));
        CHECK(found != UndoState::begun);
        if (found == UndoState::undoing) ++undoing;
        check_undone(*image, u);
        return true;
      };
      for_each_crash_state(*u.after, recorder.recording(), cut_options, visit);
      CHECK(undoing > 3);
    }
  }

  TEST_CASE("an undo of what was cut off may be cut off itself") {
    Undoable const u(small);
    std::unique_ptr<MemoryDevice> const disk = u.before->snapshot();
    FaultyDevice faulty(*disk);
    tests::Scratch const scratch;
    for (u64 nth = 1;; ++nth) {
      faulty.arm({DeviceCall::write, nth, 3, true});
      std::string const file = scratch / ("undo" + std::to_string(nth));
      Result<UndoSummary> const done = with_undo(faulty, {}, file, swap_of(small));
      if (done) break;
      CHECK(done.error().code == Errc::io);
      CHECK(done.error().image == ImageState::unknown);
      CHECK(describe(done.error()).find("undo file") != std::string::npos);
      for (u64 again = 1;; ++again) {
        faulty.arm({DeviceCall::write, again, 1, true});
        Result<UndoReport> const undone = undo(faulty, {}, file);
        if (undone) break;
        CHECK(undone.error().image == ImageState::unknown);
        CHECK(describe(undone.error()).find("run again") != std::string::npos);
      }
      faulty.disarm();
      CHECK(same(*disk, *u.before));
      REQUIRE(nth < 100);
    }
  }

  TEST_CASE(
      "a failing flush or request for room of an undo is one error, and it can be run again") {
    Undoable const u(small);
    for (DeviceCall const call : {DeviceCall::flush, DeviceCall::read, DeviceCall::reserve}) {
      u64 failures = 0;
      for (u64 nth = 1;; ++nth) {
        std::unique_ptr<MemoryDevice> const disk = u.after->snapshot();
        FaultyDevice faulty(*disk);
        faulty.arm({call, nth});
        Result<UndoReport> const done = undo(faulty, {}, u.file);
        if (!faulty.fired()) break;
        ++failures;
        REQUIRE_FALSE(done.has_value());
        bool const written = call == DeviceCall::flush;
        CHECK((done.error().image == ImageState::unknown) == written);
        CHECK(same(*disk, *u.after) != written);
        check_undone(*disk, u);
      }
      CHECK(failures > 2);
    }
  }

  TEST_CASE("a filesystem that has moved on is left alone") {
    Undoable const u(small);
    std::unique_ptr<MemoryDevice> disk = u.after->snapshot();
    exchange_files(*disk, swap_scenario("debian12", "/swap/many-a", "/swap/many-b")).value();
    Error e = refusal(*disk, u.file);
    CHECK(e.code == Errc::refused);
    CHECK(e.errno_class == ESTALE);
    CHECK(describe(e).starts_with("log: field head: the filesystem has changed"));

    disk = u.after->snapshot();
    exchange_files(*disk, small).value();
    CHECK(refusal(*disk, u.file).errno_class == ESTALE);

    // Restored, and then changed.
    disk = u.before->snapshot();
    exchange_files(*disk, swap_scenario("debian12", "/swap/many-a", "/swap/many-b")).value();
    CHECK(refusal(*disk, u.file).errno_class == ESTALE);
  }

  TEST_CASE("a sector that is neither old nor the change's is told by its place") {
    Undoable const u(small);
    std::unique_ptr<MemoryDevice> const disk = u.after->snapshot();
    // The change writes inodes, so their sectors are in the file.
    FilesystemInfo const info = Filesystem::open(*disk).value()->info().value();
    CHECK(info.sector_size == 512);
    disk->poke(400, tests::filled(1, 7));
    Error const e = refusal(*disk, u.file);
    CHECK(e.errno_class == ESTALE);
    CHECK(e.address_kind == AddressKind::byte);
    CHECK(e.address == 0);
  }

  TEST_CASE("another filesystem and no filesystem are told apart") {
    Undoable const u(small);
    Error e = refusal(*image("nrext64"), u.file);
    CHECK(e.code == Errc::refused);
    CHECK(e.errno_class == EINVAL);
    std::unique_ptr<MemoryDevice> const other = u.after->snapshot();
    other->poke(32, tests::filled(16, 9));
    e = refusal(*other, u.file);
    CHECK(e.errno_class == EINVAL);
    CHECK(e.field == "uuid");
    std::unique_ptr<MemoryDevice> const none = u.after->snapshot();
    none->poke(0, tests::filled(4, 0));
    CHECK(refusal(*none, u.file).code == Errc::not_xfs);
  }

  TEST_CASE("a device that the filesystem has is asked for, one of another size is refused") {
    std::unique_ptr<MemoryDevice> const data = image("rtgroups");
    std::unique_ptr<MemoryDevice> const realtime = realtime_device("rtgroups");
    std::unique_ptr<MemoryDevice> const data_before = data->snapshot();
    std::unique_ptr<MemoryDevice> const realtime_before = realtime->snapshot();
    tests::Scratch const scratch;
    std::string const file = scratch / "undo";
    auto const change = [](BlockDevice& d, FurtherDevices const& further) -> Result<void> {
      std::vector<std::byte> const bytes = tests::filled(4096, 5);
      WriteRequest const request{1 << 20, bytes};
      XFSX_TRYV(d.write({&request, 1}));
      XFSX_TRYV(further.realtime->write({&request, 1}));
      return further.realtime->write_durable({&request, 1});
    };
    REQUIRE(with_undo(*data, {nullptr, realtime.get()}, file, change));
    CHECK_FALSE(same(*data, *data_before));
    CHECK_FALSE(same(*realtime, *realtime_before));
    Error const e = refusal(*data, file);
    CHECK(e.errno_class == ENODEV);
    CHECK(e.device == DeviceRole::realtime);
    MemoryDevice short_one(1 << 20);
    Result<UndoReport> const wrong = undo(*data, {nullptr, &short_one}, file);
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().errno_class == EINVAL);
    REQUIRE(undo(*data, {nullptr, realtime.get()}, file));
    CHECK(same(*data, *data_before));
    CHECK(same(*realtime, *realtime_before));
  }

  TEST_CASE("a dirty log comes back dirty") {
    std::unique_ptr<MemoryDevice> const before = image("dirty-log");
    std::unique_ptr<MemoryDevice> const disk = before->snapshot();
    tests::Scratch const scratch;
    std::string const file = scratch / "undo";
    auto const change = [](BlockDevice& d, FurtherDevices const&) -> Result<void> {
      std::unique_ptr<Filesystem> const fs = Filesystem::open(d).value();
      FilesystemInfo const info = fs->info().value();
      u64 const ag_shift = std::bit_width(info.ag_blocks - 1U);
      u64 const ag = info.log_start.raw() >> ag_shift;
      u64 const block = info.log_start.raw() & ((u64{1} << ag_shift) - 1);
      u64 const log = (ag * info.ag_blocks + block) * info.block_size;
      // A run that reaches from before the log into it.
      std::vector<std::byte> const bytes = tests::filled(65536, 0);
      WriteRequest const request{log - 4096, bytes};
      return d.write({&request, 1});
    };
    UndoSummary const summary = with_undo(*disk, {}, file, change).value();
    CHECK(summary.log_before.known);
    CHECK_FALSE(summary.log_before.clean);
    std::unique_ptr<MemoryDevice> const after = disk->snapshot();
    RecordingDevice recorder(*disk);
    REQUIRE(undo(recorder, {}, file));
    CHECK(same(*disk, *before));
    for_each_crash_state(*after, recorder.recording(), {}, [&](CrashState const& state) {
      CAPTURE(state.id());
      std::unique_ptr<MemoryDevice> const cut = state.image();
      REQUIRE(undo(*cut, {}, file));
      CHECK(same(*cut, *before));
      return true;
    });
  }
}
