#include "testing/faulty_device.h"
#include "support/host.h"
#include "testing/failing_new.h"
#include "testing/memory_device.h"

#include <doctest/doctest.h>

#include <memory>
#include <new>

namespace {

using namespace xfsx;
using namespace xfsx::tests;

/// Two writes, a flush, a durable write, a read.
Result<void> small_job(BlockDevice& device) {
  std::vector<std::byte> const first = filled(1024, 1);
  std::vector<std::byte> const second = filled(512, 2);
  WriteRequest const writes[] = {{0, first}, {4096, second}};
  XFSX_TRYV(device.reserve(0, 4096 + 512));
  XFSX_TRYV(device.write(writes));
  XFSX_TRYV(device.flush());
  XFSX_TRYV(device.write_durable({writes, 1}));
  std::vector<std::byte> found(512);
  ReadRequest const read{4096, found};
  return device.read({&read, 1});
}

}  // namespace

TEST_SUITE("testing") {
  TEST_CASE("each call of each kind fails once, then the job passes") {
    MemoryDevice disk(1 << 20);
    FaultyDevice faulty(disk);
    struct Row {
      DeviceCall call;
      u64 count;
    };
    for (Row const row : {Row{DeviceCall::read, 1}, Row{DeviceCall::write, 2},
                          Row{DeviceCall::flush, 2}, Row{DeviceCall::reserve, 1}}) {
      for (u64 nth = 1; nth <= row.count; ++nth) {
        faulty.arm({.call = row.call, .nth = nth});
        Result<void> const result = small_job(faulty);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::io);
        CHECK(result.error().errno_class == EIO);
        CHECK(faulty.fired());
      }
      faulty.arm({.call = row.call, .nth = row.count + 1});
      CHECK(small_job(faulty));
      CHECK_FALSE(faulty.fired());
      CHECK(faulty.calls(row.call) == row.count);
    }
  }

  TEST_CASE("a torn write leaves its first sectors and nothing else") {
    MemoryDevice disk(1 << 20);
    FaultyDevice faulty(disk);
    std::vector<std::byte> const first = filled(1024, 1);
    std::vector<std::byte> const second = filled(1024, 2);
    WriteRequest const writes[] = {{0, first}, {4096, second}};
    faulty.arm({.call = DeviceCall::write, .torn_sectors = 3});
    CHECK_FALSE(faulty.write(writes));
    CHECK(bytes_at(disk, 0, 1024) == first);
    CHECK(bytes_at(disk, 4096, 512) == filled(512, 2));
    CHECK(bytes_at(disk, 4096 + 512, 512) == filled(512, 0));
    CHECK(faulty.write(writes));
  }

  TEST_CASE("a device that died stays dead") {
    MemoryDevice disk(1 << 20);
    FaultyDevice faulty(disk);
    faulty.arm({.call = DeviceCall::write, .nth = 1, .dead = true});
    CHECK_FALSE(small_job(faulty));
    std::vector<std::byte> bytes = filled(512, 1);
    ReadRequest const read{0, bytes};
    WriteRequest const write{0, bytes};
    CHECK_FALSE(faulty.read({&read, 1}));
    CHECK_FALSE(faulty.write({&write, 1}));
    CHECK_FALSE(faulty.flush());
    faulty.disarm();
    CHECK(small_job(faulty));
  }

  TEST_CASE("when the flush of a durable write fails, its bytes are on their way") {
    MemoryDevice disk(1 << 20);
    FaultyDevice faulty(disk);
    std::vector<std::byte> const bytes = filled(512, 1);
    WriteRequest const write{0, bytes};
    faulty.arm({.call = DeviceCall::flush});
    CHECK_FALSE(faulty.write_durable({&write, 1}));
    CHECK(bytes_at(disk, 0, 512) == bytes);
  }

  TEST_CASE("the n-th allocation fails and no other") {
    auto const allocate = [] { static_cast<void>(std::make_unique<std::vector<int>>(100)); };
    for (u64 nth = 1; nth <= 2; ++nth) {
      FailingNew const failing(nth);
      CHECK_THROWS_AS(allocate(), std::bad_alloc);
      CHECK(failing.fired());
      CHECK_NOTHROW(allocate());
    }
  }
}
