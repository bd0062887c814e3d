// Makes disks that a power failure leaves of a recovery, for crash_oracle.py.
//
// The image is recovered in memory and every write is kept. Out, before what giver.h says: `disk
// BYTES LOG_BYTES HOME_FIRST`. An image file of a slot is the filesystem's device, BYTES long, and
// behind it its external log and its realtime device, if it has them. What is expected of a state:
// `before` and `after` the commit, Linux and xfsx recover it to what an undisturbed recovery gives;
// `xfsx`, before it, Linux need not: the log was too full, and blocks had to go home first
// (decision 19). With --outcomes xfsx recovers each state in memory; behind a colon follows which
// disk comes out of it (outcomes.h).

#include "crash/giver.h"
#include "crash/operation.h"
#include "recovery/outcomes.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace {

using namespace xfsx;
using namespace xfsx::test;

struct Options {
  std::string image, log, realtime;
  Choice choice;
  std::string replay, keep, after;
  bool outcomes = false, early = false;
  u64 home_first_prefixes = 0;
};

/// What is recorded of a recovery.
struct Recorded {
  std::unique_ptr<MemoryDevice> after;
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

Recorded record(WholeDisk const& disk, bool early) {
  Recorded done;
  done.after = disk.before().snapshot();
  RecordingDevice recorder(*done.after);
  SealOptions seal;
  seal.on_stage = [&](SealStage stage) { recorder.mark(name_of(stage)); };
  WholeDisk::Recovered const recovered = disk.recover(recorder, seal, early).value();
  done.report = recovered.report;
  done.home_first = recovered.home_first;
  done.recording = recorder.recording();
  return done;
}

int run(Options& options) {
  options.choice.crash.indivisible = [](u64, ConstBytes bytes) { return is_empty_records(bytes); };
  WholeDisk const disk(options.image, options.log, options.realtime);
  Recorded const done = record(disk, options.early);
  if (!options.after.empty()) {
    done.after->store(options.after).value();
    return 0;
  }
  fmt::print("disk {} {} {:d}\n", disk.bytes(), disk.log_bytes(), done.home_first);
  if (done.home_first && options.home_first_prefixes != 0) {
    options.choice.prefixes = options.home_first_prefixes;
  }
  Outcomes outcomes(disk, options.choice.slots);
  std::string expected;
  auto const expect = [&](CrashState const& state) -> std::string_view {
    expected = state.after("durable") ? "after" : done.home_first ? "xfsx" : "before";
    if (options.outcomes) expected += ":" + outcomes.of(*state.image());
    return expected;
  };
  if (!options.replay.empty()) {
    bool const found = keep_state(disk.before(), done.recording, options.choice, options.replay,
                                  options.keep, expect);
    return found ? 0 : 1;
  }
  give_states(disk.before(), done.recording, options.choice, done.report.log_bytes, expect);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Crash states of a recovery");
  app.add_option("image", options.image, "the dirty image, packed or not")->required();
  app.add_option("--log-dev", options.log, "its external log");
  app.add_option("--rt-dev", options.realtime, "its realtime device");
  declare_choice(app, options.choice);
  app.add_option("--home-first-prefixes", options.home_first_prefixes,
                 "--prefixes where the log is so full that blocks go home first");
  app.add_flag("--outcomes", options.outcomes, "recover each state in memory, too");
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
