#include "ag/run_set.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

TEST_CASE("a set of runs is the set of their blocks") {
  using namespace xfsx;
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    std::set<u32> model;
    RunSet runs;
    for (int step = 0; step < 400; ++step) {
      u32 const block = static_cast<u32>(random() % 60);
      if (random() % 8 == 0) {
        u32 const length = static_cast<u32>(random() % 9 + 1);
        std::vector<u32> missing, expected;
        bool touched = false;
        for (u32 i = block; i < block + length; ++i) {
          touched = touched || model.contains(i);
          if (model.erase(i) == 0) expected.push_back(i);
        }
        REQUIRE(runs.touches({AgBlock(block), length}) == touched);
        for (RunSet::Run const& run : runs.remove({AgBlock(block), length})) {
          for (u32 i = 0; i < run.length; ++i) missing.push_back(run.start.raw() + i);
        }
        REQUIRE(missing == expected);
      } else if (random() % 2 == 0) {
        REQUIRE(runs.remove(block) == (model.erase(block) == 1));
      } else if (!runs.has(block)) {
        u32 length = 0;
        while (length < random() % 6 + 1 && !model.contains(block + length)) {
          model.insert(block + length++);
        }
        runs.add({AgBlock(block), length});
      }
      std::set<u32> held;
      u64 end = 0;
      for (RunSet::Run const& run : runs.runs()) {
        REQUIRE((held.empty() || run.start.raw() > end));  // neighbours were joined
        end = Bnobt::end(run);
        for (u32 i = 0; i < run.length; ++i) held.insert(run.start.raw() + i);
      }
      REQUIRE(held == model);
    }
  }
}
