// Makes disks that a power failure leaves of a recovery, for crash_oracle.py.
//
// The image is recovered in memory and every write is kept. Out, before what giver.h says: `disk
// BYTES LOG_BYTES HOME_FIRST`. An image file of a slot is the filesystem's device, BYTES long, and
// behind it its external log, if it has one. What is expected of a state: `before` and `after` the
// commit, Linux and xfsx recover it to what an undisturbed recovery gives; `xfsx`, before it, Linux
// need not: the log was too full, and blocks had to go home first (decision 19).

#include "crash/giver.h"
#include "crash/operation.h"
#include "recovery/recovery.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace {

using namespace xfsx;
using namespace xfsx::test;

struct Options {
  std::string image, log;
  Choice choice;
  std::string replay, keep, after;
  bool early = false;
};

/// A part of another device. A flush is one of the whole, so what this device's flush makes durable
/// counts for the other too.
class Part final : public BlockDevice {
 public:
  Part(BlockDevice& whole, u64 begin, u64 size) : whole_(whole), begin_(begin), size_(size) {}

  [[nodiscard]] DeviceInfo info() const override {
    DeviceInfo info = whole_.info();
    info.size = size_;
    return info;
  }
  Result<void> read(std::span<ReadRequest const> batch) override {
    std::vector<ReadRequest> moved(batch.begin(), batch.end());
    for (ReadRequest& request : moved) request.offset += begin_;
    return whole_.read(moved);
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    return whole_.write(moved_on(batch));
  }
  Result<void> flush() override { return whole_.flush(); }
  Result<void> write_durable(std::span<WriteRequest const> batch) override {
    return whole_.write_durable(moved_on(batch));
  }

 private:
  [[nodiscard]] std::vector<WriteRequest> moved_on(std::span<WriteRequest const> batch) const {
    std::vector<WriteRequest> moved(batch.begin(), batch.end());
    for (WriteRequest& request : moved) request.offset += begin_;
    return moved;
  }

  BlockDevice& whole_;
  u64 begin_, size_;
};

/// Copies a disk into another one.
void put(MemoryDevice& into, u64 offset, MemoryDevice const& from) {
  for (u64 at = 0; at < from.info().size;) {
    ConstBytes const piece = from.piece_at(at);
    into.poke(offset + at, piece);
    at += piece.size();
  }
}

/// What is recovered, and what is recorded of it.
struct Recovered {
  std::unique_ptr<MemoryDevice> before, after;
  u64 bytes = 0, log_bytes = 0;
  Recording recording;
  RecoverReport report;
  bool home_first = false;
};

std::string name_of(SealStage stage) {
  switch (stage) {
    case SealStage::first_write:
      return "first write";
    case SealStage::durable:
      return "durable";
    case SealStage::home:
      return "home";
    case SealStage::clean:
      break;
  }
  return "clean";
}

/// Both devices as one disk.
void load(Recovered& done, Options const& options) {
  std::unique_ptr<MemoryDevice> const data = load_gz_image(options.image).value();
  std::unique_ptr<MemoryDevice> log;
  if (!options.log.empty()) log = load_gz_image(options.log).value();
  done.bytes = data->info().size;
  done.log_bytes = log ? log->info().size : 0;
  OpenOptions open;
  open.devices.log = log.get();
  u32 const sector = Filesystem::open(*data, open).value()->info().value().sector_size;
  done.before = std::make_unique<MemoryDevice>(done.bytes + done.log_bytes, sector);
  put(*done.before, 0, *data);
  if (log) put(*done.before, done.bytes, *log);
}

Recovered record(Options const& options) {
  Recovered done;
  load(done, options);
  done.after = done.before->snapshot();
  RecordingDevice recorder(*done.after);
  Part data(recorder, 0, done.bytes);
  Part log(recorder, done.bytes, done.log_bytes);
  RecoverRequest request;
  if (done.log_bytes != 0) request.devices.log = &log;
  std::unique_ptr<Recovery> const recovery = Recovery::prepare(data, request).value();
  if (recovery->was_clean()) return done;
  SealOptions seal;
  seal.on_stage = [&](SealStage stage) { recorder.mark(name_of(stage)); };
  if (options.early) recovery->judge(0).value();
  recovery->run(seal).value();
  done.report = recovery->report();
  done.recording = recorder.recording();
  done.home_first = recovery->goes_home_first();
  return done;
}

int run(Options& options) {
  options.choice.crash.indivisible = [](u64, ConstBytes bytes) { return is_empty_records(bytes); };
  Recovered const done = record(options);
  if (!options.after.empty()) {
    done.after->store(options.after).value();
    return 0;
  }
  fmt::print("disk {} {} {:d}\n", done.bytes, done.log_bytes, done.home_first);
  auto const expect = [&](CrashState const& state) -> std::string_view {
    if (state.after("durable")) return "after";
    return done.home_first ? "xfsx" : "before";
  };
  if (!options.replay.empty()) {
    return keep_state(*done.before, done.recording, options.choice, options.replay, options.keep,
                      expect)
               ? 0
               : 1;
  }
  give_states(*done.before, done.recording, options.choice, done.report.log_bytes, expect);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Crash states of a recovery");
  app.add_option("image", options.image, "the dirty image, packed or not")->required();
  app.add_option("--log-dev", options.log, "its external log");
  declare_choice(app, options.choice);
  app.add_option("--replay", options.replay, "make only the state of this id");
  app.add_option("--keep", options.keep, "file for --replay");
  app.add_flag("--early", options.early, "send inode clusters home first, however few they are");
  app.add_option("--after", options.after, "only store the disk after a whole recovery");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (Exception const& e) {
    fmt::print(stderr, "xfsx_recover_states: {}\n", describe(e.error()));
  } catch (std::exception const& e) {
    fmt::print(stderr, "xfsx_recover_states: {}\n", e.what());
  }
  return 2;
}
