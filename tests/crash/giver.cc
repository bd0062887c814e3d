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
  app.add_option("--prefixes", c.prefixes, "at most so many whole prefixes, besides the sample");
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

Selection::Selection(MemoryDevice const& before, Recording const& recording, Choice const& choice)
    : random_(choice.crash.seed) {
  std::array<Sides, 3> kinds;
  bool const apart = choice.prefixes != 0;
  u64 count = 0;
  for_each_crash_state(before, recording, choice.crash, [&](CrashState const& state) {
    bool const is_prefix = state.id().ends_with("/all");
    all_prefixes_ += is_prefix ? 1U : 0U;
    std::size_t const kind = !is_prefix ? subset : apart && !state.ends_write() ? in_write : at_end;
    if (is_asked_for(choice, state)) kinds[kind][state.after("durable") ? 1 : 0].push_back(count);
    ++count;
    return true;
  });
  wanted_.resize(count);
  u64 const sample = choice.sample == 0 ? count : choice.sample;
  std::vector<Indices*> all{&kinds[subset][0], &kinds[subset][1]};
  if (apart) {
    choose_prefixes(kinds[at_end], kinds[in_write], choice.prefixes);
    prefixes_ = chosen_;
  } else {
    all.push_back(&kinds[at_end][0]);
    all.push_back(&kinds[at_end][1]);
  }
  spread(std::move(all), sample);
}

void Selection::choose_prefixes(Sides& ends, Sides& inside, u64 most) {
  u64 const at_ends = ends[0].size() + ends[1].size();
  u64 const all = at_ends + inside[0].size() + inside[1].size();
  u64 const first = all <= most ? at_ends : std::min(at_ends, most - most / 4);
  spread({&ends[0], &ends[1]}, first);
  spread({&inside[0], &inside[1]}, std::min(all, most) - first);
}

/// The same number of each, and of what is left where there are fewer.
void Selection::spread(std::vector<Indices*> kinds, u64 count) {
  std::ranges::sort(kinds, {}, [](Indices const* kind) { return kind->size(); });
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    u64 const share = std::min<u64>(kinds[i]->size(), count / (kinds.size() - i));
    take(*kinds[i], share);
    count -= share;
  }
}

void Selection::take(Indices& from, u64 count) {
  for (u64 i = 0; i < count; ++i) {
    std::swap(from[i], from[i + random_() % (from.size() - i)]);
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
  fmt::print("recording {:08x} {} {} {} {} {}\n", fingerprint(recording), selection.count(),
             log_bytes, flushes(recording), selection.prefixes(), selection.all_prefixes());
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
