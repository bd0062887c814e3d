// Row xfs/617 of xfstests: files on the realtime section, where blocks come in units of several.
// What moves is arithmetic, so the row's cases are looked at here.

#include "exchange/mapping_walk.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace xfsx;

constexpr u64 units = 5;

/// A unit of blocks that are all the same.
std::string unit_of(char block, u64 size) {
  return std::string(size, block);
}

/// `w` written, `u` unwritten, `-` a hole; block by block.
std::vector<Mapping> donor_of(std::string const& blocks) {
  std::vector<Mapping> mappings;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i] == '-') continue;
    mappings.push_back({FileBlock(i), FsBlock(1000 + i), BlockCount(1), blocks[i] == 'u'});
  }
  merge_mappings(mappings);
  return mappings;
}

/// Which units change places, as a digit each.
std::string moved(std::string const& donor, u64 size) {
  std::string found(units, '0');
  BlockRange const all{FileBlock(0), FileBlock(0), BlockCount(units * size)};
  for (BlockRange const& part : written_ranges(donor_of(donor), all, BlockCount(size))) {
    CHECK(part.start1.raw() % size == 0);
    CHECK(part.start1 == part.start2);
    CHECK(part.length.raw() % size == 0);
    u64 const first = part.start1.raw() / size;
    for (u64 unit = 0; unit < part.length.raw() / size; ++unit) found[first + unit] = '1';
  }
  return found;
}

/// A unit of written blocks, but for one that is not.
std::string but_for(u64 block, u64 size) {
  std::string unit = unit_of('w', size);
  unit[block] = 'u';
  return unit;
}

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("xfs/617: units with a written block move as a whole, and no others") {
    for (u64 const size : {u64{3}, u64{4}, u64{7}}) {
      CAPTURE(size);
      std::string const hole = unit_of('-', size);
      std::string const preallocated = unit_of('u', size);
      std::string const first = but_for(0, size);
      std::string const last = but_for(size - 1, size);
      CHECK(moved(hole + first + hole + hole + hole, size) == "01000");
      CHECK(moved(hole + but_for(1, size) + hole + hole + hole, size) == "01000");
      CHECK(moved(hole + last + hole + hole + hole, size) == "01000");
      CHECK(moved(hole + last + first + hole + hole, size) == "01100");
      CHECK(moved(hole + last + hole + first + hole, size) == "01010");
      CHECK(moved(hole + last + preallocated + first + hole, size) == "01010");
      CHECK(moved(hole + preallocated + first + hole + hole, size) == "00100");
    }
  }
}
