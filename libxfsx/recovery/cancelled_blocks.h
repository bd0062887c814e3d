#pragma once
// Blocks whose images were called off: what was logged of them before they became free must not be
// replayed over what lies there now.

#include <xfsx/units.h>

#include <map>

namespace xfsx::inline v0 {

class CancelledBlocks {
 public:
  void add(Daddr daddr, u64 length) { ++counts_[{daddr.raw(), length}]; }
  /// One of its cancellations lies behind us.
  void pass(Daddr daddr, u64 length) {
    auto const at = counts_.find({daddr.raw(), length});
    if (at != counts_.end() && --at->second == 0) counts_.erase(at);
  }
  /// Whether one lies ahead.
  [[nodiscard]] bool has(Daddr daddr, u64 length) const {
    return counts_.contains({daddr.raw(), length});
  }

 private:
  std::map<std::pair<u64, u64>, u64> counts_;
};

}  // namespace xfsx::inline v0
