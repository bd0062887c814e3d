#pragma once
// Blocks of an AG as runs, of which there are few however long they are.

#include "btree/traits.h"

#include <algorithm>
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
  bool remove(u32 block) { return remove(Run{AgBlock(block), 1}).empty(); }

  /// Takes out what it has of `run`. Returns what it has not.
  std::vector<Run> remove(Run const& run) {
    std::vector<Run> missing;
    u64 at = run.start.raw();  // blocks before it are done
    u64 const end = Bnobt::end(run);
    auto next = ends_.upper_bound(at);
    if (next != ends_.begin() && std::prev(next)->second > at) --next;
    while (next != ends_.end() && next->first < end) {
      auto const [start, stop] = *next;
      next = ends_.erase(next);
      if (start < at) ends_.emplace(start, at);
      if (start > at) missing.push_back(run_of(at, start));
      if (stop > end) ends_.emplace(end, stop);
      at = std::min(stop, end);
    }
    if (at < end) missing.push_back(run_of(at, end));
    return missing;
  }

  [[nodiscard]] bool has(u32 block) const {
    auto const run = ends_.upper_bound(block);
    return run != ends_.begin() && std::prev(run)->second > block;
  }

  /// Whether any block of `run` is in it.
  [[nodiscard]] bool touches(Run const& run) const {
    auto const after = ends_.lower_bound(Bnobt::end(run));
    return after != ends_.begin() && std::prev(after)->second > run.start.raw();
  }
  [[nodiscard]] bool empty() const { return ends_.empty(); }

  /// In order.
  [[nodiscard]] std::vector<Run> runs() const {
    std::vector<Run> out;
    for (auto const& [start, end] : ends_) {
      out.push_back(run_of(start, end));
    }
    return out;
  }

 private:
  static Run run_of(u64 start, u64 end) {
    return {AgBlock(static_cast<u32>(start)), static_cast<u32>(end - start)};
  }

  std::map<u64, u64> ends_;  // by their starts
};

}  // namespace xfsx::inline v0
