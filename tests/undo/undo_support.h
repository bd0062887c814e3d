#pragma once
// What tests of undo share: changes of images, and comparisons of whole disks.

#include "crash/operation.h"
#include "support/host.h"
#include "support/images.h"

#include <xfsx/undo.h>

#include <algorithm>
#include <string>

namespace xfsx::test {

inline Scenario swap_scenario(std::string const& image, std::string const& file1,
                              std::string const& file2) {
  Scenario scenario;
  scenario.image = std::string(XFSX_IMAGES_DIR) + "/" + image + ".img.gz";
  scenario.file1 = file1;
  scenario.file2 = file2;
  return scenario;
}

/// The exchange as a change that can be undone.
inline UndoableChange swap_of(Scenario const& scenario) {
  return [scenario](BlockDevice& data, FurtherDevices const&) -> Result<void> {
    XFSX_TRYV(exchange_files(data, scenario));
    return success();
  };
}

/// Whether two disks hold the same bytes.
inline bool same(MemoryDevice const& a, MemoryDevice const& b) {
  u64 const size = a.info().size;
  if (size != b.info().size) return false;
  for (u64 at = 0; at < size;) {
    ConstBytes const x = a.piece_at(at);
    ConstBytes const y = b.piece_at(at);
    at += x.size();
    // Most pieces are the same in memory.
    if (x.data() != y.data() && !std::ranges::equal(x, y)) return false;
  }
  return true;
}

/// A disk that was changed, and the undo file of the change.
struct Undoable {
  tests::Scratch scratch;
  std::string file = scratch / "undo";
  Scenario scenario;
  std::unique_ptr<MemoryDevice> before, after;
  UndoSummary summary;

  explicit Undoable(Scenario const& its_scenario)
      : scenario(its_scenario), before(disk_before(scenario)), after(before->snapshot()) {
    summary = with_undo(*after, {}, file, swap_of(scenario)).value();
  }
};

}  // namespace xfsx::test
