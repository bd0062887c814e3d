#pragma once
// What xfsx makes of the disks that power failures leave of a recovery: few different ones, which
// are kept and numbered.

#include "recovery/whole_disk.h"

#include <string>
#include <vector>

namespace xfsx::test {

class Outcomes {
 public:
  /// Files of new outcomes go to `folder`: outcome-N.img.
  Outcomes(WholeDisk const& whole, std::string folder)
      : whole_(whole), folder_(std::move(folder)) {}

  /// Recovers a copy of `disk`. The number of the outcome, equal ones being one; "-" if recovery
  /// fails or leaves no clean log, with a line `failed WHY` on stdout before. The log does not
  /// count in the comparison, and neither do checksum and LSN of the first superblock, which name
  /// its head.
  std::string of(MemoryDevice const& disk);

 private:
  [[nodiscard]] bool equal(MemoryDevice const& one, MemoryDevice const& other) const;
  void blank(u64 at, std::vector<std::byte>& piece) const;
  [[nodiscard]] Result<void> recover(MemoryDevice& disk) const;

  WholeDisk const& whole_;
  std::string folder_;
  std::vector<std::unique_ptr<MemoryDevice>> known_;
};

}  // namespace xfsx::test
