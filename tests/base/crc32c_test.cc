#include "base/crc32c.h"

#include "base/view.h"

#include <doctest/doctest.h>

#include <vector>

TEST_SUITE("base") {
  TEST_CASE("crc32c of the check string is the published value") {
    CHECK(xfsx::Crc32c{}.feed(xfsx::bytes_of("123456789")).value() == 0xe3069283U);
  }

  TEST_CASE("the checksum field counts as zero, whatever it holds") {
    std::vector<std::byte> block(512, std::byte{7});
    xfsx::crc32c_stamp(block, 100);
    CHECK(xfsx::crc32c_matches(block, 100));
    block[0] = std::byte{8};
    CHECK_FALSE(xfsx::crc32c_matches(block, 100));
  }
}
