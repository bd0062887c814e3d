#include <xfsx/device.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace {

using namespace xfsx;

struct Scratch {
  std::filesystem::path path;
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xfsx-device-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_SUITE("device") {
  TEST_CASE("an image file keeps what is written to it") {
    Scratch const scratch;
    std::string const image = (scratch.path / "image").string();
    std::ofstream{image};
    std::filesystem::resize_file(image, 1 << 20);
    std::vector<std::byte> bytes(4096, std::byte{5});
    {
      std::unique_ptr<BlockDevice> const disk = open_device(image, {.writable = true}).value();
      CHECK(disk->info().size == 1 << 20);
      WriteRequest const requests[] = {{4096, bytes}, {65536, bytes}};
      CHECK(disk->write_durable(requests));
    }
    std::unique_ptr<BlockDevice> const disk = open_device(image, {}).value();
    std::vector<std::byte> found(4096);
    ReadRequest const request{65536, found};
    CHECK(disk->read({&request, 1}));
    CHECK(found == bytes);
  }
}
