#include "recovery/replay_inode.h"

#include "base/view.h"
#include "disk/inode.h"
#include "disk/log_items.h"
#include "format/inode_view.h"
#include "format/verify_btree.h"
#include "log/byte_order.h"
#include "support/images.h"
#include "txn/volume.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>

namespace {

using namespace xfsx;
using namespace xfsx::test;
using Role = LogItemPart::Role;

constexpr u8 forkoff = 24;  // the data fork has 192 bytes

/// A metadata inode as it lies on the disk, whose data fork is the root of a btree.
std::vector<std::byte> metadata_inode(Geometry const& geometry) {
  std::vector<std::byte> bytes(geometry.inode_size());
  auto& core = edit_as<disk::Dinode>(bytes);
  core.magic = disk::inode_magic;
  core.mode = file_type::regular;
  core.version = 3;
  core.format = static_cast<u8>(disk::ForkFormat::meta_btree);
  core.aformat = static_cast<u8>(disk::ForkFormat::local);
  core.forkoff = forkoff;
  return bytes;
}

/// What is logged of a root of two keys: the header of a block, the keys, the pointers.
struct LoggedRoot {
  LoggedRoot(u32 magic, u32 key_size) : bytes(sizeof(disk::BtreeLongBlock)) {
    auto& head = edit_as<disk::BtreeLongBlock>(bytes);
    head.magic = magic;
    head.level = 1;
    head.numrecs = 2;
    keys = std::vector(2 * key_size, std::byte{0x11});
    pointers = std::vector(2 * sizeof(be64), std::byte{0x22});
    bytes.insert(bytes.end(), keys.begin(), keys.end());
    bytes.insert(bytes.end(), pointers.begin(), pointers.end());
  }
  std::vector<std::byte> bytes, keys, pointers;
};

/// Replays the root onto the inode; its data fork.
ConstBytes replayed(Geometry const& geometry, LoggedRoot const& root, Bytes inode) {
  std::vector<std::byte> core(inode.begin(), inode.begin() + sizeof(disk::Dinode));
  core_to_disk(core);  // turns the order of the disk into the log's, too
  disk::InodeLogFormat format{};
  format.fields = disk::inode_item_field::core | disk::inode_item_field::data_broot;
  DecodedLogItem item;
  item.type = disk::LogItemType::inode;
  item.parts = {{.role = Role::format, .bytes = bytes_of(format)},
                {.role = Role::core, .bytes = core},
                {.role = Role::data_fork, .bytes = root.bytes}};
  REQUIRE(replay_inode(item, Lsn(9, LogBlock(9)), geometry, {}, inode).value());
  return ConstBytes(inode).subspan(sizeof(disk::Dinode), forkoff * std::size_t{8});
}

}  // namespace

TEST_SUITE("recovery") {
  // Inodes of version 2 have no LSN: the one that was flushed more often is the newer one.
  TEST_CASE("an inode of version 2 is replayed unless it was flushed since") {
    std::unique_ptr<MemoryDevice> const disk = image("v4");
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    Geometry const& geometry = volume->geometry();
    for (u16 const flushed : {u16{0}, u16{1}, u16{2}, u16{0xffff}}) {
      CAPTURE(flushed);
      std::vector<std::byte> inode(geometry.inode_size());
      auto& core = edit_as<disk::DinodeV2>(inode);
      core.magic = disk::inode_magic;
      core.mode = file_type::regular;
      core.version = 2;
      core.format = core.aformat = static_cast<u8>(disk::ForkFormat::extents);
      core.nlinkv2 = 1;
      core.flushiter = flushed;

      std::vector<std::byte> bytes(sizeof(disk::LogDinodeV2));
      auto& logged = edit_as<disk::LogDinodeV2>(bytes);
      logged.magic = disk::inode_magic;
      logged.mode = file_type::regular;
      logged.version = 2;
      logged.format = logged.aformat = static_cast<u8>(disk::ForkFormat::extents);
      edit_as<le16>(bytes, offsetof(disk::DinodeV2, flushiter)) = 1;
      disk::InodeLogFormat format{};
      format.fields = disk::inode_item_field::core;
      DecodedLogItem item;
      item.type = disk::LogItemType::inode;
      item.parts = {{.role = Role::format, .bytes = bytes_of(format)},
                    {.role = Role::core, .bytes = bytes}};
      Lsn const lsn(9, LogBlock(9));
      bool const replayed = replay_inode(item, lsn, geometry, {}, inode).value();
      CHECK(replayed == (flushed != 2));  // after the last number they begin again
      CHECK(core.nlinkv2.value() == (replayed ? 0 : 1));
      CHECK(core.flushiter.value() == (replayed ? 0 : flushed));
    }
  }

  // As the debug kernel 7.3 laid them out when it replayed such roots: those of counts leave room
  // for two keys to a pointer, although each pointer has one.
  TEST_CASE("roots of btrees of realtime groups are laid out as Linux does it") {
    std::unique_ptr<MemoryDevice> const disk = image("rtgroups");
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    struct Tree {
      u32 magic;
      BtreeShape const& shape;
      std::size_t pointers_at;
    };
    for (Tree const& tree : {Tree{disk::rtrmapbt_magic, rtrmapbt_shape, 4 + 3 * 40},
                             Tree{disk::rtrefcountbt_magic, rtrefcountbt_shape, 4 + 11 * 4}}) {
      CAPTURE(tree.magic);
      std::vector<std::byte> inode = metadata_inode(volume->geometry());
      LoggedRoot const root(tree.magic, tree.shape.key);
      ConstBytes const fork = replayed(volume->geometry(), root, inode);
      auto const& head = view_as<disk::BmdrBlock>(fork);
      CHECK(head.level.value() == 1);
      CHECK(head.numrecs.value() == 2);
      CHECK(std::ranges::equal(fork.subspan(sizeof head, root.keys.size()), root.keys));
      CHECK(std::ranges::equal(fork.subspan(tree.pointers_at, root.pointers.size()),
                               root.pointers));
    }
  }
}
