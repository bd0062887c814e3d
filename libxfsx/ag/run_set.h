#pragma once
// Blocks of an AG as runs, of which there are few however long they are.

#include "btree/traits.h"

#include <map>
#include <vector>

namespace xfsx::inline v0 {

class RunSet {
 public:
  using Run = Bnobt::Record;

  /// Blocks that are not in it yet; neighbouring runs become one.
  void add(Run const& run) {
    u64 start = run.start.raw();
    u64 end = Bnobt::end(run);
    auto next = ends_.lower_bound(start);
    if (next != ends_.end() && next->first == end) {
      end = next->second;
      next = ends_.erase(next);
    }
    if (next != ends_.begin() && std::prev(next)->second == start) {
      start = std::prev(next)->first;
      ends_.erase(std::prev(next));
    }
    ends_.emplace(start, end);
  }

  /// False if the block is not in it.
  bool remove(u32 block) {
    auto run = ends_.upper_bound(block);
    if (run == ends_.begin() || std::prev(run)->second <= block) return false;
    --run;
    auto const [start, end] = *run;
    ends_.erase(run);
    if (start < block) ends_.emplace(start, block);
    if (u64{block} + 1 < end) ends_.emplace(u64{block} + 1, end);
    return true;
  }

  [[nodiscard]] bool has(u32 block) const {
    auto const run = ends_.upper_bound(block);
    return run != ends_.begin() && std::prev(run)->second > block;
  }

  /// In order.
  [[nodiscard]] std::vector<Run> runs() const {
    std::vector<Run> out;
    for (auto const& [start, end] : ends_) {
      out.push_back({AgBlock(static_cast<u32>(start)), static_cast<u32>(end - start)});
    }
    return out;
  }

 private:
  std::map<u64, u64> ends_;  // by their starts
};

}  // namespace xfsx::inline v0
