#pragma once
// Which crash states of a recording are wanted, and image files that become one after another.
//
// It talks to whoever runs it in lines. Out: for each state `state SLOT EXPECT ID`: image number
// SLOT of the slots' folder now is that state, which must be judged as EXPECT. In: the number of a
// slot that may be used again.

#include "crash/slot.h"
#include "testing/crash_states.h"

#include <array>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace xfsx::test {

struct Choice {
  CrashOptions crash{.unit = 0, .seed = 1, .subsets = 500, .sample = 0, .indivisible = {}};
  u64 sample = 0;    // states of all; 0: all
  u64 prefixes = 0;  // if not 0: at most so many whole prefixes, and `sample` subsets besides
  u64 skip = 0;      // states at the beginning
  std::string only;
  bool only_random = false;
  std::string slots = "/dev/shm";
  u64 slot_count = 4;
};

void declare_choice(CLI::App& app, Choice& choice);

/// The image files of a run, handed out and given back.
class Slots {
 public:
  Slots(Choice const& choice, MemoryDevice const& before, Recording const& recording);

  /// False when nobody wants more.
  bool give(MemoryDevice& disk, std::string_view expect, std::string const& id);

 private:
  Pieces pieces_;
  std::deque<Slot> slots_;
  std::deque<u64> free_;
};

/// Which of the states are wanted: all, or a sample. What there is little of must not drown in a
/// sample, so it takes the same number from each of four kinds: before and after the commit (the
/// mark "durable"), whole prefixes and subsets. Where prefixes are chosen apart and there are too
/// many, those at the ends of writes come first: three of four.
class Selection {
 public:
  Selection(MemoryDevice const& before, Recording const& recording, Choice const& choice);

  [[nodiscard]] u64 count() const { return chosen_; }
  [[nodiscard]] u64 prefixes() const { return prefixes_; }
  [[nodiscard]] u64 all_prefixes() const { return all_prefixes_; }
  [[nodiscard]] bool wants(u64 index) const { return wanted_[index]; }

 private:
  static constexpr std::size_t subset = 0, at_end = 1, in_write = 2;  // kinds
  using Indices = std::vector<u64>;
  /// Before and after the commit.
  using Sides = std::array<Indices, 2>;

  void spread(std::vector<Indices*> kinds, u64 count);
  void choose_prefixes(Sides& ends, Sides& inside, u64 most);
  void take(Indices& from, u64 count);

  std::mt19937_64 random_;
  std::vector<bool> wanted_;
  u64 chosen_ = 0, prefixes_ = 0, all_prefixes_ = 0;
};

[[nodiscard]] u64 flushes(Recording const& recording);

/// Hands out the wanted states, after a line `recording FINGERPRINT STATES BYTES FLUSHES PREFIXES
/// ALL`; ALL: prefixes that there are.
void give_states(MemoryDevice const& before, Recording const& recording, Choice const& choice,
                 u64 log_bytes, std::function<std::string_view(CrashState const&)> const& expect);

/// Makes the state of this id again and keeps it. False if there is none.
bool keep_state(MemoryDevice const& before, Recording const& recording, Choice const& choice,
                std::string const& id, std::string const& file,
                std::function<std::string_view(CrashState const&)> const& expect);

}  // namespace xfsx::test
