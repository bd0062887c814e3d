#include "dir/directory.h"

#include "base/crc32c.h"
#include "dir/name_hash.h"
#include "disk/symlink.h"
#include "support/patch.h"

#include <nlohmann/json.hpp>
#include "symlink/symlink.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>

#include <map>

namespace {

using namespace xfsx;

std::string const image_name = "debian12";

/// The kind of a directory block that lies at `at` in the fork, by what it says that it is.
BlockKind const& kind_of(ConstBytes block) {
  static std::map<u32, BlockKind const*> const data = {
      {disk::dir_block_magic_v4, &dir_block_kind}, {disk::dir_data_magic_v4, &dir_data_kind},
      {disk::dir_free_magic_v4, &dir_free_kind},   {disk::dir_block_magic, &dir_block_kind},
      {disk::dir_data_magic, &dir_data_kind},      {disk::dir_free_magic, &dir_free_kind}};
  static std::map<u16, BlockKind const*> const index = {
      {disk::dir_leaf1_magic_v4, &dir_leaf1_kind}, {disk::dir_leafn_magic_v4, &dir_leafn_kind},
      {disk::da_node_magic_v4, &da_node_kind},     {disk::dir_leaf1_magic, &dir_leaf1_kind},
      {disk::dir_leafn_magic, &dir_leafn_kind},    {disk::da_node_magic, &da_node_kind}};
  auto const found = data.find(view_as<be32>(block).value());
  return found != data.end() ? *found->second : *index.at(view_as<be16>(block, 8).value());
}

/// A block of directory `path` that begins at block `at` of the fork; its place and bytes.
struct Found {
  Daddr daddr;
  std::vector<std::byte> bytes;
};
Found block_of(BlockDevice& disk, std::string const& path, u64 at = 0,
               std::string const& image = image_name) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  Geometry const& g = volume->geometry();
  Inode const inode = load_inode(*volume, test::ino_of(image, path)).value();
  Found found;
  for_each_mapping(*volume, inode, ForkKind::data, [&](Mapping const& m) {
    if (at < m.offset.raw() || at >= m.end().raw()) return true;
    found.daddr = g.daddr(m.start + (FileBlock(at) - m.offset));
    return false;
  }).value();
  found.bytes = test::read_bytes(disk, found.daddr.raw() * 512, g.dir_block_size());
  return found;
}

/// What listing and then looking up `name` in `path` says after a change of the block at `at`.
Error broken(std::string const& path, u64 at, std::string_view name,
             std::function<void(Bytes)> const& change, std::string const& image = image_name) {
  std::unique_ptr<MemoryDevice> const disk = test::image(image);
  Found const block = block_of(*disk, path, at, image);
  test::patch_block(*disk, kind_of(block.bytes), block.daddr, block.bytes.size(), change);
  std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
  Inode const inode = load_inode(*volume, test::ino_of(image, path)).value();
  Directory directory = Directory::open(*volume, inode).value();
  Result<void> const listed = directory.list([](RawDirEntry const&) { return true; });
  if (!listed) return listed.error();
  Result<std::optional<RawDirEntry>> const found = directory.lookup(name);
  REQUIRE(found.has_error());
  return found.error();
}

u64 leaf_block(u32 block_size = 4096) {
  return disk::dir_leaf_start / block_size;
}

}  // namespace

TEST_SUITE("dir") {
  TEST_CASE("every block of every directory passes its verifier, the free index included") {
    std::map<std::string_view, u64> seen;
    for (std::string const& name : test::readable_images()) {
      CAPTURE(name);
      nlohmann::json const manifest = test::manifest_of(name);
      if (manifest["log"] != "clean") continue;
      std::unique_ptr<MemoryDevice> const disk = test::image(name);
      std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
      Geometry const& g = volume->geometry();
      SectorCount const length = g.sectors(BlockCount(g.dir_block_blocks()));
      for (nlohmann::json const& entry : manifest["entries"]) {
        if (entry["type"] != "dir") continue;
        CAPTURE(entry["path"].get<std::string>());
        Inode const inode = load_inode(*volume, InodeNumber(entry["ino"].get<u64>())).value();
        for_each_mapping(*volume, inode, ForkKind::data, [&](Mapping const& m) {
          for (u64 i = 0; i + g.dir_block_blocks() <= m.length.raw(); i += g.dir_block_blocks()) {
            Daddr const at = g.daddr(m.start + BlockCount(i));
            std::vector<std::byte> const bytes =
                test::read_bytes(*disk, at.raw() * 512, length.raw() * 512);
            BlockKind const& kind = kind_of(bytes);
            Result<BufferRef> const block = volume->cache().load(kind, at, length, inode.number);
            CHECK_MESSAGE(block, describe(block.error()));
            ++seen[kind.name];
          }
          return true;
        }).value();
      }
    }
    // All kinds occur, or the check is worth nothing.
    for (std::string_view const kind :
         {"dir block", "dir data block", "dir leaf block", "da node", "dir free block"}) {
      CAPTURE(kind);
      CHECK(seen[kind] > 0);
    }
  }

  TEST_CASE("each broken field of a block with entries is named") {
    struct Row {
      std::string_view field;
      std::function<void(Bytes)> change;
    };
    std::vector<Row> const rows = {
        {"magic", [](Bytes b) { edit_as<be32>(b) = disk::dir_data_magic; }},
        {"bno", [](Bytes b) { edit_as<disk::DirDataHeader>(b).bno = Daddr(16); }},
        {"owner", [](Bytes b) { edit_as<disk::DirDataHeader>(b).owner = InodeNumber(131); }},
        {"uuid", [](Bytes b) { edit_as<disk::DirDataHeader>(b).uuid.b[5] ^= 1; }},
        {"lsn", [](Bytes b) { edit_as<be64>(b, 16) = u64{0x7fffffff} << 32; }},
        {"bestfree",
         [](Bytes b) {
           be16& length = edit_as<disk::DirDataHeader>(b).bestfree[0].length;
           length = static_cast<u16>(length.value() + 8);
         }},
        {"inumber", [](Bytes b) { edit_as<be64>(b, 64) = u64{1} << 60; }},
        {"namelen", [](Bytes b) { edit_as<disk::DirDataEntry>(b, 96).namelen = 0; }},
        {"tag", [](Bytes b) { edit_as<disk::DirDataEntry>(b, 96).namelen = 200; }},
        {"tag", [](Bytes b) { edit_as<be16>(b, 78) = 72; }},
        {"filetype", [](Bytes b) { edit_as<u8>(b, 64 + 9 + 1) = 9; }},
        {"count", [](Bytes b) { edit_as<be32>(b, b.size() - 8) = 4000; }},
        {"stale", [](Bytes b) { edit_as<be32>(b, b.size() - 4) = 1; }},
        {"hashval", [](Bytes b) { edit_as<be32>(b, b.size() - 16) = 0; }},
        {"name", [](Bytes b) { edit_as<u8>(b, 96 + 9) = '/'; }},
        {"name", [](Bytes b) { edit_as<u8>(b, 96 + 9) = 0; }},
    };
    for (Row const& row : rows) {
      CAPTURE(row.field);
      Error const error = broken("/dirs/block", 0, "absent", row.change);
      CHECK(error.code == Errc::bad_value);
      CHECK(error.field == row.field);
      CHECK(error.owner == test::ino_of(image_name, "/dirs/block"));
      CHECK(error.address_kind == AddressKind::daddr);
    }
  }

  TEST_CASE("an index that lies is caught when it is followed") {
    nlohmann::json const manifest = test::manifest_of(image_name);
    std::string name;
    for (nlohmann::json const& entry : manifest["entries"]) {
      std::string const path = entry["path"];
      if (path.starts_with("/dirs/leaf/")) name = path.substr(11);
    }
    auto const entry_of = [&](Bytes b) -> disk::DirLeafEntry& {
      u16 const count = view_as<be16>(b, 56).value();
      for (disk::DirLeafEntry& e : edit_array<disk::DirLeafEntry>(b, 64, count)) {
        if (e.hashval.value() == name_hash(name)) return e;
      }
      throw std::out_of_range(name);
    };
    CHECK(broken("/dirs/leaf", leaf_block(), name, [&](Bytes b) {
            entry_of(b).address = 0x7fffffff;
          }).field == "address");
    CHECK(broken("/dirs/leaf", leaf_block(), name, [&](Bytes b) {
            entry_of(b).address = entry_of(b).address.value() + 1;
          }).field == "address");
    // Another entry, which is one, but of another name.
    CHECK(broken("/dirs/leaf", leaf_block(), name, [&](Bytes b) {
            entry_of(b).address = 64 / 8;
          }).field == "hashval");
    CHECK(broken("/dirs/leaf", leaf_block(), name, [](Bytes b) {
            edit_as<be16>(b, 56) = 600;
          }).field == "count");
  }

  TEST_CASE("a tree of nodes with wrong links ends in an error") {
    // Blocks of 1 KiB: the index of a large directory has nodes.
    auto const broken_root = [](std::function<void(Bytes)> const& change) {
      return broken("/dirs/btree", leaf_block(1024), "absent", change, "block1k");
    };
    Error const level = broken_root([](Bytes b) { edit_as<be16>(b, 58) = 6; });
    CHECK(level.structure == "da node");
    CHECK(level.field == "level");
    auto const set_children = [](u32 block) {
      return [block](Bytes b) {
        u16 const count = view_as<be16>(b, 56).value();
        for (disk::DaNodeEntry& e : edit_array<disk::DaNodeEntry>(b, 64, count)) {
          e.before = DaBlock(block);
        }
      };
    };
    CHECK(broken_root(set_children(3)).field == "before");
    // The root as its own child is no leaf.
    CHECK(broken_root(set_children(static_cast<u32>(leaf_block(1024)))).field == "magic");
  }

  TEST_CASE("a directory that lies below itself is found, not walked for ever") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    InodeNumber const top = test::ino_of(image_name, "/dirs/empty");
    // Its only entry but one, "deeper", leads up again.
    test::patch_inode(*disk, test::ino_of(image_name, "/dirs/empty/nested"), [&](Bytes bytes) {
      std::size_t const at = 176 + 2 + 4 + 3 + 6 + 1;
      REQUIRE(text_of(ConstBytes(bytes).subspan(at - 7, 6)) == "deeper");
      edit_as<be32>(bytes, at) = static_cast<u32>(top.raw());
    });
    std::unique_ptr<Filesystem> const fs = Filesystem::open(*disk).value();
    Result<void> const walked =
        fs->walk(fs->resolve("/dirs").value(), [](WalkedDirectory const&) { return true; });
    REQUIRE(walked.has_error());
    CHECK(walked.error().code == Errc::loop);
    CHECK(walked.error().address_kind == AddressKind::inode);
    CHECK(walked.error().address == top.raw());
  }

  TEST_CASE("a short directory whose numbers do not add up is refused") {
    struct Row {
      std::string_view field;
      std::size_t at;
      u8 value;
    };
    for (Row const& row : {Row{"count", 0, 200}, Row{"size", 0, 0}, Row{"namelen", 6, 255},
                           Row{"namelen", 6, 0}, Row{"parent", 2, 255}}) {
      CAPTURE(row.field);
      std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
      InodeNumber const ino = test::ino_of(image_name, "/dirs/empty");
      test::patch_inode(*disk, ino,
                        [&](Bytes bytes) { bytes[176 + row.at] = std::byte{row.value}; });
      std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
      Directory directory = Directory::open(*volume, load_inode(*volume, ino).value()).value();
      Result<void> const listed = directory.list([](RawDirEntry const&) { return true; });
      REQUIRE(listed.has_error());
      CHECK(listed.error().field == row.field);
      CHECK(listed.error().owner == ino);
    }
  }

  TEST_CASE("whatever one byte of a block becomes, what is read of it stays inside") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    u64 accepted = 0;
    for (auto const& [path, at] : {std::pair<std::string, u64>{"/dirs/block", 0},
                                   {"/dirs/leaf", 0},
                                   {"/dirs/leaf", leaf_block()},
                                   {"/dirs/node", leaf_block()},
                                   {"/shapes", 0}}) {
      Found const found = block_of(*disk, path, at);
      BlockKind const& kind = kind_of(found.bytes);
      BlockContext const context{volume->geometry(), volume->geometry().locate(found.daddr)};
      for (std::size_t i = 0; i < found.bytes.size(); ++i) {
        for (u8 const flip : {u8{1}, u8{0x80}, u8{0xff}}) {
          std::vector<std::byte> bytes = found.bytes;
          bytes[i] ^= std::byte{flip};
          if (!kind.verify(bytes, context)) continue;
          ++accepted;
          if (&kind != &dir_block_kind && &kind != &dir_data_kind) continue;
          for_each_dir_entry(context.geometry, bytes, [&](RawDirEntry const& e) {
            CHECK(e.name.data() > text_of(bytes).data());
            CHECK(e.name.data() + e.name.size() < text_of(bytes).data() + bytes.size());
            return true;
          });
        }
      }
    }
    CHECK(accepted > 0);
  }
}

TEST_SUITE("symlink") {
  TEST_CASE("broken blocks of a symbolic link are located") {
    InodeNumber const ino = test::ino_of(image_name, "/shapes/symlink-remote");
    auto const read_after = [&](std::function<void(disk::SymlinkHeader&)> const& change) {
      std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
      Found const block = block_of(*disk, "/shapes/symlink-remote");
      test::patch_block(*disk, symlink_kind, block.daddr, block.bytes.size(),
                        [&](Bytes b) { change(edit_as<disk::SymlinkHeader>(b)); });
      std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
      Result<std::string> const target = read_symlink(*volume, load_inode(*volume, ino).value());
      REQUIRE(target.has_error());
      CHECK(target.error().owner == ino);
      return target.error();
    };
    CHECK(read_after([](disk::SymlinkHeader& h) { h.magic = 1; }).field == "magic");
    CHECK(read_after([](disk::SymlinkHeader& h) { h.bytes = 5000; }).field == "bytes");
    CHECK(read_after([](disk::SymlinkHeader& h) { h.bytes = 999; }).field == "size");
    CHECK(read_after([](disk::SymlinkHeader& h) { h.offset = 4; }).field == "offset");
    CHECK(read_after([](disk::SymlinkHeader& h) { h.owner = InodeNumber(131); }).field == "owner");
  }
}
