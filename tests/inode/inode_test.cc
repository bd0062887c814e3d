#include "inode/inode.h"

#include "base/crc32c.h"
#include "inode/bmap.h"
#include "support/images.h"

#include <nlohmann/json.hpp>

#include <doctest/doctest.h>

#include <functional>

namespace {

using namespace xfsx;

u16 mode_of(nlohmann::json const& entry) {
  static std::map<std::string, u16> const types = {
      {"file", file_type::regular},    {"dir", file_type::directory},
      {"symlink", file_type::symlink}, {"block", file_type::block},
      {"char", file_type::character},  {"fifo", file_type::fifo},
      {"socket", file_type::socket},
  };
  return static_cast<u16>(types.at(entry["type"]) |
                          std::stoul(entry["mode"].get<std::string>(), nullptr, 8));
}

u64 nanoseconds(Timestamp const& t) {
  return static_cast<u64>(t.seconds) * 1'000'000'000 + t.nanoseconds;
}

void check_inode(Volume& volume, nlohmann::json const& entry) {
  CAPTURE(entry["path"].get<std::string>());
  Result<Inode> const inode = load_inode(volume, InodeNumber(entry["ino"].get<u64>()));
  REQUIRE_MESSAGE(inode, describe(inode.error()));
  InodeView const& view = inode.value();
  CHECK(view.mode() == mode_of(entry));
  CHECK(view.core().uid.value() == entry["uid"].get<u32>());
  CHECK(view.core().nlinkv2.value() == entry["nlink"].get<u32>());
  if (entry.contains("size")) CHECK(view.size() == entry["size"].get<u64>());
  CHECK(nanoseconds(view.mtime()) == entry["mtime_ns"].get<u64>());
  CHECK(nanoseconds(view.ctime()) == entry["ctime_ns"].get<u64>());
  Result<std::vector<Mapping>> const attr = collect_mappings(volume, inode.value(), ForkKind::attr);
  REQUIRE_MESSAGE(attr, describe(attr.error()));
  Result<std::vector<Mapping>> const data = collect_mappings(volume, inode.value(), ForkKind::data);
  REQUIRE_MESSAGE(data, describe(data.error()));
  CHECK(data.value().size() == view.nextents());
}

/// Inode `ino` of `disk` with `change` made to it and its checksum right again; what loading says.
Error load_changed(std::string const& name, u64 ino, std::function<void(disk::Dinode&)> change,
                   bool restamp = true) {
  std::unique_ptr<MemoryDevice> disk = test::image(name);
  {
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    Inode const inode = load_inode(*volume, InodeNumber(ino)).value();
    std::vector<std::byte> bytes(inode.bytes().begin(), inode.bytes().end());
    change(edit_as<disk::Dinode>(bytes));
    if (restamp) crc32c_stamp(bytes, offsetof(disk::Dinode, crc));
    test::write_bytes(*disk, inode.place.cluster.raw() * basic_block_size + inode.place.offset,
                      bytes);
  }
  std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
  Result<Inode> const inode = load_inode(*volume, InodeNumber(ino));
  REQUIRE(inode.has_error());
  return inode.error();
}

u64 ino_of(std::string const& image, std::string const& path) {
  nlohmann::json const manifest = test::manifest_of(image);
  for (nlohmann::json const& entry : manifest["entries"]) {
    if (entry["path"] == path) return entry["ino"].get<u64>();
  }
  throw std::out_of_range(path);
}

}  // namespace

TEST_SUITE("inode") {
  TEST_CASE("every inode is what the kernel said, on every image with a clean log") {
    for (std::string const& name : test::readable_images()) {
      nlohmann::json const manifest = test::manifest_of(name);
      if (manifest["log"] != "clean") continue;
      CAPTURE(name);
      std::unique_ptr<MemoryDevice> const disk = test::image(name);
      std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
      for (nlohmann::json const& entry : manifest["entries"]) {
        if (!entry.contains("same_inode_as")) check_inode(*volume, entry);
      }
    }
  }

  TEST_CASE("each broken field of an inode is named") {
    struct Row {
      std::string_view field;
      Errc code;
      std::function<void(disk::Dinode&)> change;
    };
    std::vector<Row> const rows = {
        {"magic", Errc::bad_value, [](disk::Dinode& i) { i.magic = 1; }},
        {"version", Errc::bad_value, [](disk::Dinode& i) { i.version = 2; }},
        {"inumber", Errc::bad_value, [](disk::Dinode& i) { i.inumber = InodeNumber(7); }},
        {"uuid", Errc::bad_value, [](disk::Dinode& i) { i.uuid.b[3] ^= 1; }},
        {"mode", Errc::bad_value, [](disk::Dinode& i) { i.mode = 0; }},
        {"mode", Errc::bad_value, [](disk::Dinode& i) { i.mode = 0170644; }},
        {"format", Errc::bad_value, [](disk::Dinode& i) { i.format = 1; }},
        {"format", Errc::bad_value, [](disk::Dinode& i) { i.format = 9; }},
        {"size", Errc::bad_value, [](disk::Dinode& i) { i.size = u64{1} << 63; }},
        {"forkoff", Errc::bad_value, [](disk::Dinode& i) { i.forkoff = 60; }},
        {"aformat", Errc::bad_value, [](disk::Dinode& i) { i.forkoff = 24, i.aformat = 0; }},
        {"nextents", Errc::bad_value, [](disk::Dinode& i) { i.nextents = 100, i.nblocks = 100; }},
        {"nextents", Errc::bad_value, [](disk::Dinode& i) { i.format = 3; }},
        {"nextents", Errc::bad_value, [](disk::Dinode& i) { i.nextents = 1U << 31; }},
        {"naextents", Errc::bad_value, [](disk::Dinode& i) { i.naextents = 1; }},
        {"nrext64_nextents", Errc::bad_value, [](disk::Dinode& i) { i.nrext64_nextents = 1; }},
        {"nblocks", Errc::bad_value, [](disk::Dinode& i) { i.nblocks = 0; }},
        {"nblocks", Errc::bad_value, [](disk::Dinode& i) { i.nblocks = u64{1} << 60; }},
        {"extsize", Errc::bad_value, [](disk::Dinode& i) { i.extsize = 3; }},
        {"flags2", Errc::bad_value,
         [](disk::Dinode& i) { i.flags2 = i.flags2.value() | disk::inode_flag2::nrext64; }},
        {"next_unlinked", Errc::bad_value,
         [](disk::Dinode& i) { i.next_unlinked = AgInode(0x7fffffff); }},
        {"lsn", Errc::bad_value, [](disk::Dinode& i) { i.lsn = Lsn(0x7fffffff, LogBlock(0)); }},
    };
    // One mapping, no attribute fork.
    u64 const ino = ino_of("debian12", "/swap/one-a");
    for (Row const& row : rows) {
      CAPTURE(row.field);
      Error const error = load_changed("debian12", ino, row.change);
      CHECK(error.code == row.code);
      CHECK(error.structure == "inode");
      CHECK(error.field == row.field);
      CHECK(error.owner == InodeNumber(ino));
      CHECK(error.errno_class == EUCLEAN);
    }
    Error const crc =
        load_changed("debian12", ino, [](disk::Dinode& i) { i.mode = i.mode.value() ^ 1U; }, false);
    CHECK(crc.code == Errc::bad_crc);
    CHECK(crc.field == "crc");
  }

  TEST_CASE("inodes that do not exist are refused, not read") {
    std::unique_ptr<MemoryDevice> const disk = test::image("debian12");
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    for (u64 const ino : {u64{0}, u64{1}, u64{1} << 40, ~u64{0}, u64{100'000}}) {
      CAPTURE(ino);
      Result<Inode> const inode = load_inode(*volume, InodeNumber(ino));
      REQUIRE(inode.has_error());
      CHECK(inode.error().code == Errc::refused);
      CHECK(inode.error().errno_class == ENOENT);
    }
  }

  TEST_CASE("mappings survive packing") {
    for (Mapping const& m :
         {Mapping{FileBlock(0), FsBlock(0x19), BlockCount(1), false},
          Mapping{FileBlock((u64{1} << 54) - 1), FsBlock((u64{1} << 52) - 1), BlockCount(1), true},
          Mapping{FileBlock(5), FsBlock(u64{1} << 43), BlockCount(mapping_length_max), false}}) {
      CHECK(decode_mapping(encode_mapping(m)) == m);
    }
    disk::BmbtRecord const seen = encode_mapping({FileBlock(0), FsBlock(0x19), BlockCount(1)});
    CHECK(seen.l0.value() == 0);
    CHECK(seen.l1.value() == 0x3200001);
  }
}
