#include "support/host.h"
#include "testing/faulty_device.h"
#include "testing/recording_device.h"
#include "undo/undo_file.h"
#include "undo/undo_support.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace {

using namespace xfsx;
using namespace xfsx::test;

Scenario const scenario = swap_scenario("debian12", "/swap/one-a", "/swap/one-b");

bool exists(std::string const& path) {
  return std::filesystem::exists(path);
}

/// An exchange with an undo file that must fail and change nothing.
Error failure(BlockDevice& device, MemoryDevice const& disk, std::string const& file,
              UndoableChange const& change, UndoOptions const& options = {}) {
  std::unique_ptr<MemoryDevice> const before = disk.snapshot();
  Result<UndoSummary> const done = with_undo(device, {}, file, change, options);
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().image == ImageState::unchanged);
  CHECK(same(disk, *before));
  return done.error();
}

}  // namespace

TEST_SUITE("undo") {
  TEST_CASE("the file is whole, and its owner's alone, before the first write") {
    tests::Scratch const scratch;
    std::string const file = scratch / "undo";
    std::unique_ptr<MemoryDevice> const disk = disk_before(scenario);
    std::unique_ptr<MemoryDevice> const before = disk->snapshot();
    u64 calls = 0;
    UndoOptions options;
    options.on_write = [&] {
      ++calls;
      CHECK(disk->stats().writes == 0);
      CHECK(same(*disk, *before));
      REQUIRE(UndoFile::open(file));
      struct stat status{};
      REQUIRE(::stat(file.c_str(), &status) == 0);
      CHECK((status.st_mode & 07777) == 0600);
    };
    REQUIRE(with_undo(*disk, {}, file, swap_of(scenario), options));
    CHECK(calls == 1);
  }

  TEST_CASE("the device gets what it gets without an undo file") {
    tests::Scratch const scratch;
    std::unique_ptr<MemoryDevice> const one = disk_before(scenario);
    std::unique_ptr<MemoryDevice> const two = one->snapshot();
    RecordingDevice plain(*one);
    RecordingDevice with_file(*two);
    exchange_files(plain, scenario).value();
    REQUIRE(with_undo(with_file, {}, scratch / "undo", swap_of(scenario)));
    CHECK(fingerprint(plain.recording()) == fingerprint(with_file.recording()));
  }

  TEST_CASE("a file that exists stays as it is, and so does the image") {
    tests::Scratch const scratch;
    std::string const file = scratch / "undo";
    std::ofstream(file) << "something";
    std::unique_ptr<MemoryDevice> const disk = disk_before(scenario);
    u64 const reads = disk->stats().reads;
    Error const e = failure(*disk, *disk, file, swap_of(scenario));
    CHECK(e.code == Errc::refused);
    CHECK(e.errno_class == EEXIST);
    CHECK(tests::file_bytes(file).size() == 9);
    CHECK(disk->stats().reads == reads);
  }

  TEST_CASE("where no file can be made nothing is done") {
    std::unique_ptr<MemoryDevice> const disk = disk_before(scenario);
    Error const e = failure(*disk, *disk, "/nowhere/undo", swap_of(scenario));
    CHECK(e.code == Errc::missing);
    CHECK(e.errno_class == ENOENT);
    CHECK(e.note.view() == "/nowhere/undo");
  }

  TEST_CASE("a file that cannot be written to its end goes again") {
    tests::Scratch const scratch;
    std::unique_ptr<MemoryDevice> const disk = disk_before(scenario);
    rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
    rlimit const small{1024, old.rlim_max};
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    Error const e = failure(*disk, *disk, scratch / "undo", swap_of(scenario));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
    std::signal(SIGXFSZ, handler);
    CHECK(e.code == Errc::io);
    CHECK(e.errno_class == EFBIG);
    CHECK_FALSE(exists(scratch / "undo"));
  }

  TEST_CASE("a change that is refused leaves no file") {
    tests::Scratch const scratch;
    std::unique_ptr<MemoryDevice> const disk = disk_before(scenario);
    Scenario nothing = scenario;
    nothing.file2 = "/nowhere";
    Error const e = failure(*disk, *disk, scratch / "undo", swap_of(nothing));
    CHECK(e.errno_class == ENOENT);
    CHECK_FALSE(exists(scratch / "undo"));
  }

  TEST_CASE("a person who stops the change in time leaves no file") {
    tests::Scratch const scratch;
    std::unique_ptr<MemoryDevice> const disk = disk_before(scenario);
    UndoOptions options;
    options.cancelled = [] { return true; };
    Error const e = failure(*disk, *disk, scratch / "undo", swap_of(scenario), options);
    CHECK(e.code == Errc::cancelled);
    CHECK_FALSE(exists(scratch / "undo"));
  }

  TEST_CASE("what fails before the first write changes nothing and leaves no file") {
    tests::Scratch const scratch;
    std::unique_ptr<MemoryDevice> const disk = disk_before(scenario);
    for (DeviceCall const call : {DeviceCall::read, DeviceCall::reserve}) {
      u64 failures = 0;
      for (u64 nth = 1;; ++nth) {
        std::unique_ptr<MemoryDevice> const copy = disk->snapshot();
        FaultyDevice faulty(*copy);
        faulty.arm({call, nth});
        std::string const file = scratch / "undo";
        Result<UndoSummary> const done = with_undo(faulty, {}, file, swap_of(scenario));
        bool const fired = faulty.fired();
        CHECK(exists(file) == done.has_value());
        std::filesystem::remove(file);
        if (!fired) break;
        ++failures;
        if (done) continue;  // a read that is tried again
        CHECK(done.error().code == Errc::io);
        CHECK(done.error().image == ImageState::unchanged);
        CHECK(same(*copy, *disk));
      }
      CHECK(failures > 2);
    }
  }

  TEST_CASE("a device that fails in the middle leaves the file that mends it") {
    tests::Scratch const scratch;
    std::unique_ptr<MemoryDevice> const before = disk_before(scenario);
    u64 failures = 0;
    for (u64 nth = 1;; ++nth) {
      std::unique_ptr<MemoryDevice> const disk = before->snapshot();
      FaultyDevice faulty(*disk);
      faulty.arm({DeviceCall::flush, nth, 0, true});
      std::string const file = scratch / ("undo" + std::to_string(nth));
      Result<UndoSummary> const done = with_undo(faulty, {}, file, swap_of(scenario));
      if (done) break;
      ++failures;
      CHECK(done.error().image == ImageState::unknown);
      REQUIRE(undo(*disk, {}, file));
      CHECK(same(*disk, *before));
    }
    CHECK(failures > 2);
  }

  TEST_CASE("a change that writes nothing has an undo file that restores nothing") {
    tests::Scratch const scratch;
    std::unique_ptr<MemoryDevice> const disk = disk_before(scenario);
    UndoableChange const nothing = [](BlockDevice&, FurtherDevices const&) -> Result<void> {
      return success();
    };
    UndoSummary const summary = with_undo(*disk, {}, scratch / "undo", nothing).value();
    CHECK(summary.ranges == 1);
    CHECK(summary.log_before == summary.log_after);
    CHECK(summary.superblock_before == summary.superblock_after);
    CHECK(undo(*disk, {}, scratch / "undo").value().found == UndoState::restored);
  }
}
