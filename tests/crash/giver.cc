#include "crash/giver.h"

#include "crash/operation.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>

namespace xfsx::test {

namespace {

/// Whether a state is of the kind that was asked for and on the right side of the commit.
bool is_asked_for(Choice const& choice, CrashState const& state) {
  std::string_view const only = choice.only;
  if (choice.only_random && state.id().find("/random:") == std::string::npos) return false;
  bool const after = state.after("durable");
  if (only == "before") return !after;
  if (only == "after") return after;
  return only.empty() || (after && !state.after("home"));
}

}  // namespace

void declare_choice(CLI::App& app, Choice& c) {
  app.add_option("--unit", c.crash.unit, "bytes written atomically; default: the sector");
  app.add_option("--seed", c.crash.seed, "of everything random");
  app.add_option("--subsets", c.crash.subsets, "for each prefix");
  app.add_option("--sample", c.sample, "states of all; default: all");
  app.add_option("--skip", c.skip, "states at the beginning");
  app.add_option("--only", c.only, "states before or after the commit, or while blocks go home")
      ->check(CLI::IsMember({"before", "after", "home"}));
  app.add_flag("--only-random", c.only_random, "random subsets of what was in flight");
  app.add_option("--slots", c.slots, "directory for image files");
  app.add_option("--slot-count", c.slot_count, "how many");
}

Slots::Slots(Choice const& choice, MemoryDevice const& before, Recording const& recording)
    : pieces_(before, recording) {
  for (u64 i = 0; i < choice.slot_count; ++i) {
    slots_.emplace_back(fmt::format("{}/{}.img", choice.slots, i), before.info().size);
    free_.push_back(i);
  }
}

bool Slots::give(MemoryDevice& disk, std::string_view expect, std::string const& id) {
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

Selection::Selection(MemoryDevice const& before, Recording const& recording,
                     Choice const& choice) {
  std::array<std::vector<u64>, 4> kinds;
  u64 count = 0;
  for_each_crash_state(before, recording, choice.crash, [&](CrashState const& state) {
    bool const after = state.after("durable");
    std::size_t const kind = (after ? 2U : 0U) + (state.id().ends_with("/all") ? 0U : 1U);
    if (is_asked_for(choice, state)) kinds[kind].push_back(count);
    ++count;
    return true;
  });
  wanted_.resize(count);
  u64 left = choice.sample == 0 ? count : choice.sample;
  std::ranges::sort(kinds, {}, &std::vector<u64>::size);
  std::mt19937_64 random(choice.crash.seed);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    u64 const share = std::min<u64>(kinds[i].size(), left / (kinds.size() - i));
    take(kinds[i], choice.sample == 0 ? kinds[i].size() : share, random);
    left -= share;
  }
}

void Selection::take(std::vector<u64>& from, u64 count, std::mt19937_64& random) {
  for (u64 i = 0; i < count; ++i) {
    std::swap(from[i], from[i + random() % (from.size() - i)]);
    wanted_[from[i]] = true;
  }
  chosen_ += count;
}

u64 flushes(Recording const& recording) {
  return static_cast<u64>(std::ranges::count_if(recording.events, [](RecordedEvent const& e) {
    return e.kind == RecordedEvent::Kind::barrier;
  }));
}

void give_states(MemoryDevice const& before, Recording const& recording, Choice const& choice,
                 u64 log_bytes, std::function<std::string_view(CrashState const&)> const& expect) {
  Selection const selection(before, recording, choice);
  fmt::print("recording {:08x} {} {} {}\n", fingerprint(recording), selection.count(), log_bytes,
             flushes(recording));
  Slots slots(choice, before, recording);
  u64 index = 0;
  u64 chosen = 0;
  for_each_crash_state(before, recording, choice.crash, [&](CrashState const& state) {
    if (!selection.wants(index++) || ++chosen <= choice.skip) return true;
    return slots.give(*state.image(), expect(state), state.id());
  });
}

bool keep_state(MemoryDevice const& before, Recording const& recording, Choice const& choice,
                std::string const& id, std::string const& file,
                std::function<std::string_view(CrashState const&)> const& expect) {
  return replay_crash_state(before, recording, choice.crash, id, [&](CrashState const& state) {
    state.image()->store(file).value();
    fmt::print("{} {} ({} sectors differ)\n", file, expect(state), state.delta().size());
    for (auto const& [offset, bytes] : state.delta()) {
      if (state.delta().size() <= 64) fmt::print("  daddr {}\n", offset / basic_block_size);
    }
    return true;
  });
}

}  // namespace xfsx::test
