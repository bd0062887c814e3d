#include "support/images.h"

#include <nlohmann/json.hpp>

#include "base/checked.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

namespace xfsx::test {

namespace {

std::filesystem::path const images_dir = XFSX_IMAGES_DIR;

}  // namespace

nlohmann::json manifest_of(std::string const& name) {
  std::ifstream in(images_dir / (name + ".json"));
  return nlohmann::json::parse(in);
}

std::vector<std::string> readable_images() {
  std::vector<std::string> names;
  for (std::filesystem::directory_entry const& e :
       std::filesystem::directory_iterator(images_dir)) {
    if (e.path().extension() != ".json") continue;
    std::string const name = e.path().stem().string();
    if (!manifest_of(name).value("entries", nlohmann::json::array()).empty()) {
      names.push_back(name);
    }
  }
  std::ranges::sort(names);
  return names;
}

std::unique_ptr<MemoryDevice> image(std::string const& name) {
  // Unpacked once; each caller gets a snapshot of its own.
  static std::map<std::string, std::unique_ptr<MemoryDevice>> unpacked;
  std::unique_ptr<MemoryDevice>& disk = unpacked[name];
  if (disk == nullptr) disk = load_gz_image((images_dir / (name + ".img.gz")).string()).value();
  return disk->snapshot();
}

std::unique_ptr<MemoryDevice> realtime_device(std::string const& name) {
  if (!std::filesystem::exists(images_dir / (name + ".rt.img.gz"))) return nullptr;
  return image(name + ".rt");
}

std::vector<std::byte> read_bytes(BlockDevice& device, u64 offset, u64 length) {
  std::vector<std::byte> bytes(length);
  ReadRequest const request{offset, bytes};
  device.read({&request, 1}).value();
  return bytes;
}

void write_bytes(BlockDevice& device, u64 offset, ConstBytes bytes) {
  u64 const sector = device.info().logical_sector;
  u64 const first = offset / sector * sector;
  u64 const end = round_up(offset + bytes.size(), sector);
  std::vector<std::byte> whole = read_bytes(device, first, end - first);
  std::ranges::copy(bytes, whole.begin() + static_cast<std::ptrdiff_t>(offset - first));
  WriteRequest const request{first, whole};
  device.write({&request, 1}).value();
}

}  // namespace xfsx::test
