#include "testing/memory_device.h"
#include "support/host.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <fstream>

namespace {

using namespace xfsx;
using namespace xfsx::tests;

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

  TEST_CASE("a compressed image is loaded, and stored with its holes") {
    Scratch const scratch;
    std::vector<std::byte> bytes = filled(5'000'000, 0);
    std::vector<std::byte> const pattern = patterned(100'000, 2);
    std::ranges::copy(pattern, bytes.begin() + 3'000'000);
    std::ranges::copy(filled(10, 1), bytes.end() - 10);
    std::string const packed = scratch / "image.gz";
    gzFile const file = ::gzopen(packed.c_str(), "wb");
    REQUIRE(file != nullptr);
    REQUIRE(::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == 5'000'000);
    REQUIRE(::gzclose(file) == Z_OK);

    std::unique_ptr<MemoryDevice> const disk = load_gz_image(packed).value();
    CHECK(disk->info().size == bytes.size());
    CHECK(bytes_at(*disk, 0, bytes.size()) == bytes);
    CHECK(disk->bytes_in_memory() < 200'000);
    std::string const stored = scratch / "image";
    REQUIRE(disk->store(stored));
    CHECK(file_bytes(stored) == bytes);
    struct stat status{};
    REQUIRE(::stat(stored.c_str(), &status) == 0);
    CHECK(status.st_blocks * 512 < 1'000'000);
  }

  TEST_CASE("a damaged or missing compressed image is an error") {
    Scratch const scratch;
    CHECK(load_gz_image(scratch / "none.gz").error().code == Errc::missing);
    std::string const packed = scratch / "image.gz";
    gzFile const file = ::gzopen(packed.c_str(), "wb");
    std::vector<std::byte> const bytes = patterned(100'000, 2);
    REQUIRE(::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == 100'000);
    REQUIRE(::gzclose(file) == Z_OK);
    std::filesystem::resize_file(packed, 50'000);
    Result<std::unique_ptr<MemoryDevice>> const cut = load_gz_image(packed);
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code == Errc::io);
  }
}
