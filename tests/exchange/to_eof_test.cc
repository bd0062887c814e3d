#include "exchange/to_eof.h"

#include "support/images.h"
#include "txn/volume.h"

#include <doctest/doctest.h>

namespace {

using namespace xfsx;

constexpr u64 block = 4096;

struct Row {
  u64 offset1, offset2;  // bytes
  u64 size1, size2;      // bytes, before
  u64 blocks;            // that change places
  u64 after1, after2;    // bytes
};

Geometry const& geometry() {
  static std::unique_ptr<MemoryDevice> const device = test::image("debian12");
  static std::unique_ptr<Volume> const volume = Volume::open(*device).value();
  return volume->geometry();
}

Result<SizedRange> to_eof(u64 offset1, u64 offset2, u64 size1, u64 size2) {
  ExchangeRequest request;
  request.range = ExchangeRange{offset1, offset2, 12345};
  request.to_eof = true;
  return sized_range(request, geometry(), BlockCount(1), size1, size2);
}

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("to the end of both files, each ends as far behind its offset as the other did") {
    constexpr Row rows[] = {
        // equal offsets: the sizes change places
        {0, 0, 27 * block, 37 * block, 37, 37 * block, 27 * block},
        {2 * block, 2 * block, 10 * block, 20 * block, 18, 20 * block, 10 * block},
        // unequal ones: Linux leaves 20 and 10 blocks here
        {2 * block, 5 * block, 10 * block, 20 * block, 15, 17 * block, 13 * block},
        // parts of blocks
        {0, block, 37, block + 100, 1, 100, block + 37},
        {block, 0, 3 * block + 1, 1, 3, block + 1, 2 * block + 1},
        // at the end of one, or of both
        {4 * block, 0, 4 * block, 2 * block, 2, 6 * block, 0},
        {4 * block, 0, 4 * block, 0, 0, 4 * block, 0},
        {4 * block, 9 * block, 4 * block, 9 * block, 0, 4 * block, 9 * block},
        // as far as there can be files
        {file_size_max - block + 1, 0, file_size_max, block - 1, 1, file_size_max, block - 1},
    };
    for (Row const& row : rows) {
      CAPTURE(row.offset1);
      CAPTURE(row.offset2);
      SizedRange const got = to_eof(row.offset1, row.offset2, row.size1, row.size2).value();
      CHECK(got.blocks.start1.raw() == row.offset1 / block);
      CHECK(got.blocks.start2.raw() == row.offset2 / block);
      CHECK(got.blocks.length.raw() == row.blocks);
      CHECK(got.size1 == row.after1);
      CHECK(got.size2 == row.after2);
    }
  }

  TEST_CASE("an offset beyond a file, inside a block, or a size that no file can have") {
    CHECK(to_eof(2 * block, 0, block, block).error().errno_class == EINVAL);
    CHECK(to_eof(2 * block, 0, block, block).error().operand == 1);
    CHECK(to_eof(0, 2 * block, block, block).error().operand == 2);
    CHECK(to_eof(512, 0, block, block).error().errno_class == EINVAL);
    u64 const last = file_size_max - block + 1;
    Error const large = to_eof(0, last, block, last).error();
    CHECK(large.errno_class == EFBIG);
    CHECK(large.operand == 2);
  }

  TEST_CASE("a range with a length leaves the sizes") {
    ExchangeRequest request;
    request.range = ExchangeRange{block, 0, 2 * block};
    SizedRange const got =
        sized_range(request, geometry(), BlockCount(1), 5 * block, 7 * block).value();
    CHECK(got.blocks.length.raw() == 2);
    CHECK(got.size1 == 5 * block);
    CHECK(got.size2 == 7 * block);
  }
}
