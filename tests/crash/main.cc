// Makes disks that a power failure or a failing request leaves of an exchange, for a judge.
//
// What it expects of a state is old, new or either; how it talks is said in giver.h.

#include "crash/faults.h"
#include "crash/giver.h"
#include "crash/operation.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace {

using namespace xfsx;
using namespace xfsx::test;

struct Options {
  Scenario scenario;
  std::vector<u64> range;
  Choice choice;
  std::string fork;
  std::string replay, keep, before, after;
  bool faults = false;
  bool only_fingerprint = false;
};

std::string_view expectation(CrashState const& state) {
  return state.after("durable") ? "new" : "either";
}

std::string_view expectation(Error const& error) {
  switch (error.image) {
    case ImageState::unchanged:
      return "old";
    case ImageState::committed_log_dirty:
      return "new";
    case ImageState::unknown:
      break;
  }
  return "either";
}

/// The disks of failing writes, flushes and reservations; a failing read comes before the first
/// write and leaves the same disk.
void give_faults(Options const& options, Operation const& operation) {
  fmt::print("recording {:08x} 0 {} {}\n", fingerprint(operation.recording),
             operation.report.commit.log_bytes, flushes(operation.recording));
  Slots slots(options.choice, *operation.before, operation.recording);
  bool more = true;
  for (DeviceCall const call : {DeviceCall::write, DeviceCall::flush}) {
    for_each_fault(*operation.before, options.scenario, call, [&](FaultedExchange const& done) {
      if (!options.replay.empty()) {
        if (options.replay == done.id) done.disk->store(options.keep).value();
      } else if (more && done.error) {
        more = slots.give(*done.disk, expectation(*done.error), done.id);
      }
    });
  }
}

int run(Options& options) {
  options.choice.crash.indivisible = [](u64, ConstBytes bytes) { return is_empty_records(bytes); };
  if (!options.before.empty()) disk_before(options.scenario)->store(options.before).value();
  Operation const operation = record_exchange(options.scenario);
  if (!options.after.empty()) operation.after->store(options.after).value();
  if (!options.before.empty() || !options.after.empty()) return 0;
  if (options.only_fingerprint) {
    fmt::print("recording {:08x}\n", fingerprint(operation.recording));
    return 0;
  }
  if (options.faults) {
    give_faults(options, operation);
    return 0;
  }
  std::function<std::string_view(CrashState const&)> const expect =
      [](CrashState const& state) { return expectation(state); };
  if (!options.replay.empty()) {
    bool const found = keep_state(*operation.before, operation.recording, options.choice,
                                  options.replay, options.keep, expect);
    return found ? 0 : 1;
  }
  give_states(*operation.before, operation.recording, options.choice,
              operation.report.commit.log_bytes, expect);
  return 0;
}

void declare(CLI::App& app, Options& o) {
  app.add_option("image", o.scenario.image, "packed image")->required();
  app.add_option("file1", o.scenario.file1, "path in the image")->required();
  app.add_option("file2", o.scenario.file2, "path in the image")->required();
  app.add_option("--range", o.range, "offset in file1, in file2, and length, in bytes")
      ->expected(3);
  app.add_flag("--written", o.scenario.written_only, "only what file1 has written");
  app.add_option("--fork", o.fork, "attr, or data: of directories or links");
  app.add_option("--pad", o.scenario.aids.pad_to_bytes, "log whole blocks, up to so many bytes");
  app.add_flag("--new-lsn-at-home", o.scenario.aids.new_lsn_at_home, "make this mistake");
  app.add_flag("--any-lsn", o.scenario.aids.any_lsn, "make this mistake");
  app.add_flag("--unflushed", o.scenario.aids.unflushed, "make this mistake");
  app.add_flag("--stir", o.scenario.aids.stir_block_ends,
               "change the unused end of each mapping btree block too");
  app.add_flag("--lsn-at-head", o.scenario.lsn_at_head,
               "btree blocks of file1 first get the LSN of the log's head");
  declare_choice(app, o.choice);
  app.add_flag("--fingerprint", o.only_fingerprint, "only tell what the recording is like");
  app.add_flag("--faults", o.faults, "what failing requests leave, instead of crash states");
  app.add_option("--replay", o.replay, "make only the state of this id");
  app.add_option("--keep", o.keep, "file for --replay");
  app.add_option("--before", o.before, "only store the disk before");
  app.add_option("--after", o.after, "only store the disk after a whole exchange");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Crash states of an exchange");
  declare(app, options);
  CLI11_PARSE(app, argc, argv);
  if (!options.range.empty()) {
    options.scenario.range = ExchangeRange{options.range[0], options.range[1], options.range[2]};
  }
  if (!options.fork.empty()) {
    options.scenario.fork = options.fork == "attr" ? ForkKind::attr : ForkKind::data;
  }
  try {
    return run(options);
  } catch (Exception const& e) {
    fmt::print(stderr, "xfsx_crash: {}\n", describe(e.error()));
  } catch (std::exception const& e) {
    fmt::print(stderr, "xfsx_crash: {}\n", e.what());
  }
  return 2;
}
