#include "support/patch.h"

#include <nlohmann/json.hpp>

#include "base/crc32c.h"

namespace xfsx::test {

InodeNumber ino_of(std::string const& image, std::string const& path) {
  nlohmann::json const manifest = manifest_of(image);
  for (nlohmann::json const& entry : manifest["entries"]) {
    if (entry["path"] == path) return InodeNumber(entry["ino"].get<u64>());
  }
  throw std::out_of_range(path);
}

void patch_block(BlockDevice& disk, BlockKind const& kind, Daddr at, std::size_t size,
                 std::function<void(Bytes)> const& change) {
  u64 const offset = at.raw() * basic_block_size;
  std::vector<std::byte> bytes = read_bytes(disk, offset, size);
  change(bytes);
  crc32c_stamp(bytes, kind.crc);
  write_bytes(disk, offset, bytes);
}

void patch_inode(BlockDevice& disk, InodeNumber ino, std::function<void(Bytes)> const& change) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  Inode const inode = load_inode(*volume, ino).value();
  std::vector<std::byte> bytes(inode.bytes().begin(), inode.bytes().end());
  change(bytes);
  crc32c_stamp(bytes, offsetof(disk::Dinode, crc));
  write_bytes(disk, inode.place.cluster.raw() * basic_block_size + inode.place.offset, bytes);
}

}  // namespace xfsx::test
