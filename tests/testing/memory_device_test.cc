#include "testing/memory_device.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

using namespace xfsx;

std::vector<std::byte> filled(std::size_t size, unsigned value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

std::vector<std::byte> bytes_at(BlockDevice& device, u64 offset, std::size_t size) {
  std::vector<std::byte> bytes = filled(size, 0xEE);
  ReadRequest const request{offset, bytes};
  REQUIRE(device.read({&request, 1}));
  return bytes;
}

void put(BlockDevice& device, u64 offset, std::vector<std::byte> const& bytes) {
  WriteRequest const request{offset, bytes};
  REQUIRE(device.write({&request, 1}));
}

}  // namespace

TEST_SUITE("testing") {
  TEST_CASE("a memory device keeps what was written, zeros elsewhere") {
    MemoryDevice disk(1 << 20);
    put(disk, 16384 - 512, filled(1024, 7));
    CHECK(bytes_at(disk, 16384 - 512, 1024) == filled(1024, 7));
    CHECK(bytes_at(disk, 0, 512) == filled(512, 0));
    CHECK(bytes_at(disk, (1 << 20) - 512, 512) == filled(512, 0));
    CHECK(disk.bytes_in_memory() == 2 * 16384);
  }

  TEST_CASE("a snapshot and its origin change on their own") {
    MemoryDevice disk(1 << 20);
    put(disk, 0, filled(512, 1));
    std::unique_ptr<MemoryDevice> const copy = disk.snapshot();
    put(disk, 0, filled(512, 2));
    put(*copy, 512, filled(512, 3));
    CHECK(bytes_at(disk, 0, 512) == filled(512, 2));
    CHECK(bytes_at(disk, 512, 512) == filled(512, 0));
    CHECK(bytes_at(*copy, 0, 512) == filled(512, 1));
    CHECK(bytes_at(*copy, 512, 512) == filled(512, 3));
  }

  TEST_CASE("a memory device refuses parts of sectors and requests past its end") {
    MemoryDevice disk(8192, 4096);
    std::vector<std::byte> bytes = filled(4096, 1);
    WriteRequest const part{512, bytes};
    WriteRequest const past{8192, bytes};
    ReadRequest const wrapped{~u64{0} - 100, bytes};
    CHECK(disk.write({&part, 1}).error().errno_class == EINVAL);
    CHECK(disk.write({&past, 1}).error().code == Errc::truncated);
    CHECK(disk.read({&wrapped, 1}).error().code == Errc::truncated);
  }
}
