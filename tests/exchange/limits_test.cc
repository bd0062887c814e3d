#include "exchange/limits.h"

#include "support/images.h"
#include "txn/volume.h"

#include <doctest/doctest.h>

namespace {

using namespace xfsx;

Result<void> counts(std::string const& image, u64 first, u64 second,
                    std::optional<u64> most = std::nullopt) {
  std::unique_ptr<MemoryDevice> const device = test::image(image);
  std::unique_ptr<Volume> const volume = Volume::open(*device).value();
  ExchangeRequest request;
  request.max_extents = most;
  ExchangePlan plan;
  plan.file1.extents_after = first;
  plan.file2.extents_after = second;
  return check_extent_counts(request, volume->geometry(), plan);
}

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("a file has as many mappings as its counter can say") {
    constexpr u64 small = (u64{1} << 31) - 1;
    constexpr u64 large = (u64{1} << 48) - 1;
    CHECK(counts("debian12", small, small).has_value());
    CHECK(counts("debian12", small + 1, 0).error().operand == 1);
    CHECK(counts("debian12", 0, small + 1).error().errno_class == EFBIG);
    CHECK(counts("nrext64", large, large).has_value());
    CHECK(counts("nrext64", 0, large + 1).error().operand == 2);
  }

  TEST_CASE("a limit that is asked for never allows more than the format does") {
    CHECK(counts("debian12", 10, 10, 10).has_value());
    CHECK(counts("debian12", 10, 11, 10).error().operand == 2);
    CHECK(counts("debian12", 0, 0, 0).has_value());
    CHECK(counts("debian12", u64{1} << 31, 0, ~u64{0}).has_error());
  }
}
