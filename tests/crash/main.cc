// Makes disks that a power failure or a failing request leaves of an exchange, for a judge.
//
// It talks to whoever runs it in lines. Out: `recording FINGERPRINT STATES BYTES FLUSHES`, then for
// each state `state SLOT EXPECT ID`: image number SLOT of --slots now is that state, which must be
// judged as EXPECT (old, new, either). In: the number of a slot that may be used again.

#include "crash/faults.h"
#include "crash/operation.h"
#include "crash/slot.h"
#include "testing/crash_states.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <iostream>
#include <random>

namespace {

using namespace xfsx;
using namespace xfsx::test;

struct Options {
  Scenario scenario;
  std::vector<u64> range;
  CrashOptions crash{.unit = 0, .seed = 1, .subsets = 500, .sample = 0, .indivisible = {}};
  u64 sample = 0;
  u64 skip = 0;
  std::string fork, only;
  bool only_random = false;
  std::string slots = "/dev/shm";
  u64 slot_count = 4;
  std::string replay, keep, before, after;
  bool faults = false;
  bool only_fingerprint = false;
};

/// The image files of a run, handed out and given back.
class Slots {
 public:
  Slots(Options const& options, MemoryDevice const& before, Recording const& recording)
      : pieces_(before, recording) {
    for (u64 i = 0; i < options.slot_count; ++i) {
      slots_.emplace_back(fmt::format("{}/{}.img", options.slots, i), before.info().size);
      free_.push_back(i);
    }
  }

  /// False when nobody wants more.
  bool give(MemoryDevice& disk, std::string_view expect, std::string const& id) {
    if (free_.empty()) {
      u64 number = 0;
      if (!(std::cin >> number) || number >= slots_.size()) return false;
      free_.push_back(number);
    }
    u64 const number = free_.front();
    free_.pop_front();
    slots_[number].become(disk, pieces_);
    fmt::print("state {} {} {}\n", number, expect, id);
    std::fflush(stdout);
    return true;
  }

 private:
  Pieces pieces_;
  std::deque<Slot> slots_;
  std::deque<u64> free_;
};

std::string_view expectation(CrashState const& state) {
  return state.after("durable") ? "new" : "either";
}

/// Whether a state is of the kind that was asked for and on the right side of the commit.
bool is_asked_for(Options const& options, CrashState const& state) {
  std::string_view const only = options.only;
  if (options.only_random && state.id().find("/random:") == std::string::npos) return false;
  bool const after = state.after("durable");
  if (only == "before") return !after;
  if (only == "after") return after;
  return only.empty() || (after && !state.after("home"));
}

/// Which of the states are wanted: all, or a sample. What there is little of must not drown in a
/// sample, so it takes the same number from each of four kinds: before and after the commit, whole
/// prefixes and subsets.
class Selection {
 public:
  Selection(Options const& options, Operation const& operation) {
    std::array<std::vector<u64>, 4> kinds;
    u64 count = 0;
    for_each_crash_state(
        *operation.before, operation.recording, options.crash, [&](CrashState const& state) {
          bool const after = state.after("durable");
          std::size_t const kind = (after ? 2U : 0U) + (state.id().ends_with("/all") ? 0U : 1U);
          if (is_asked_for(options, state)) kinds[kind].push_back(count);
          ++count;
          return true;
        });
    wanted_.resize(count);
    u64 left = options.sample == 0 ? count : options.sample;
    std::ranges::sort(kinds, {}, &std::vector<u64>::size);
    std::mt19937_64 random(options.crash.seed);
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      u64 const share = std::min<u64>(kinds[i].size(), left / (kinds.size() - i));
      take(kinds[i], options.sample == 0 ? kinds[i].size() : share, random);
      left -= share;
    }
  }

  [[nodiscard]] u64 count() const { return chosen_; }
  [[nodiscard]] bool wants(u64 index) const { return wanted_[index]; }

 private:
  void take(std::vector<u64>& from, u64 count, std::mt19937_64& random) {
    for (u64 i = 0; i < count; ++i) {
      std::swap(from[i], from[i + random() % (from.size() - i)]);
      wanted_[from[i]] = true;
    }
    chosen_ += count;
  }

  std::vector<bool> wanted_;
  u64 chosen_ = 0;
};

u64 flushes(Recording const& recording) {
  return static_cast<u64>(std::ranges::count_if(recording.events, [](RecordedEvent const& e) {
    return e.kind == RecordedEvent::Kind::barrier;
  }));
}

void give_states(Options const& options, Operation const& operation) {
  Selection const selection(options, operation);
  fmt::print("recording {:08x} {} {} {}\n", fingerprint(operation.recording), selection.count(),
             operation.report.commit.log_bytes, flushes(operation.recording));
  Slots slots(options, *operation.before, operation.recording);
  u64 index = 0;
  u64 chosen = 0;
  for_each_crash_state(*operation.before, operation.recording, options.crash,
                       [&](CrashState const& state) {
                         if (!selection.wants(index++) || ++chosen <= options.skip) return true;
                         return slots.give(*state.image(), expectation(state), state.id());
                       });
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
  Slots slots(options, *operation.before, operation.recording);
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

int replay(Options const& options, Operation const& operation) {
  bool const found = replay_crash_state(*operation.before, operation.recording, options.crash,
                                        options.replay, [&](CrashState const& state) {
                                          state.image()->store(options.keep).value();
                                          fmt::print("{} {} ({} sectors differ)\n", options.keep,
                                                     expectation(state), state.delta().size());
                                          for (auto const& [offset, bytes] : state.delta()) {
                                            if (state.delta().size() <= 64)
                                              fmt::print("  daddr {}\n", offset / basic_block_size);
                                          }
                                          return true;
                                        });
  return found ? 0 : 1;
}

int run(Options& options) {
  options.crash.indivisible = [](u64, ConstBytes bytes) { return is_empty_records(bytes); };
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
  if (!options.replay.empty()) return replay(options, operation);
  give_states(options, operation);
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
  app.add_option("--unit", o.crash.unit, "bytes written atomically; default: the sector");
  app.add_option("--seed", o.crash.seed, "of everything random");
  app.add_option("--subsets", o.crash.subsets, "for each prefix");
  app.add_option("--sample", o.sample, "states of all; default: all");
  app.add_option("--skip", o.skip, "states at the beginning");
  app.add_option("--only", o.only, "states before or after the commit, or while blocks go home")
      ->check(CLI::IsMember({"before", "after", "home"}));
  app.add_flag("--only-random", o.only_random, "random subsets of what was in flight");
  app.add_option("--slots", o.slots, "directory for image files");
  app.add_option("--slot-count", o.slot_count, "how many");
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
