#pragma once
// The disks that a power failure can leave of a recorded operation.
//
// A recording is cut into units: sectors, or whole writes that a caller calls indivisible. A prefix
// of the units has been handed to the disk; those before the last barrier are on it, of the others
// ("open") any subset. Between two units of one write only the prefix itself is tried, since its
// subsets are subsets of the prefix at the end of the write; there the states are: none of the open
// units, all, each single one missing, each single one alone, and random ones. Images that are
// equal count once.

#include "testing/memory_device.h"
#include "testing/recording_device.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xfsx::inline v0 {

struct CrashOptions {
  u32 unit = 0;       ///< bytes that are written atomically; 0: the sector of the recorded device
  u64 seed = 1;       ///< of everything random
  u64 subsets = 500;  ///< states for each prefix at the end of a write, besides none and all
  u64 sample = 0;     ///< states of all to visit, chosen by the seed; 0: all
  /// True for a recorded write that counts as one unit (a run of empty log records that clears
  /// stale blocks).
  std::function<bool(u64 offset, ConstBytes bytes)> indivisible{};
};

class CrashStateMaker;

/// One disk after a power failure. Valid during the visit.
class CrashState {
 public:
  /// Names the state for replay_crash_state(): "<prefix>/all", "/none", "/drop:<n>", "/keep:<n>",
  /// "/mask:<bits>", "/random:<seed>". A prefix is a count of units.
  [[nodiscard]] std::string const& id() const { return id_; }

  /// Marks of the recording that lie before the failure, in their order.
  [[nodiscard]] std::vector<std::string> const& marks() const { return marks_; }
  [[nodiscard]] bool after(std::string_view mark) const;

  /// Whether the prefix ends where a write does.
  [[nodiscard]] bool ends_write() const;

  /// The sectors that differ from the base, by their byte offsets; each `unit` bytes long.
  [[nodiscard]] std::map<u64, ConstBytes> delta() const;

  /// The whole disk; costs a snapshot and the open units.
  [[nodiscard]] std::unique_ptr<MemoryDevice> image() const;

 private:
  friend class CrashStateMaker;
  CrashStateMaker const* maker_ = nullptr;
  std::string id_;
  std::vector<std::string> marks_;
  std::size_t prefix_ = 0;
  std::vector<std::size_t> kept_;  // open units that reached the disk, in their order
};

/// Returns false to stop.
using CrashVisitor = std::function<bool(CrashState const&)>;

/// Visits the crash states of `recording`, made on a disk that was like `base`. Returns how many
/// were visited.
u64 for_each_crash_state(MemoryDevice const& base, Recording const& recording,
                         CrashOptions const& options, CrashVisitor const& visit);

/// Visits the one state that an id of the same recording and options.unit names. False for an id
/// that names none.
bool replay_crash_state(MemoryDevice const& base, Recording const& recording,
                        CrashOptions const& options, std::string_view id,
                        CrashVisitor const& visit);

}  // namespace xfsx::inline v0
