#include <xfsx/filesystem.h>

#include "base/crc32c.h"
#include "support/images.h"

#include <nlohmann/json.hpp>
#include "support/sha256.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

namespace {

using namespace xfsx;

struct Opened {
  std::unique_ptr<MemoryDevice> disk, realtime;
  std::unique_ptr<Filesystem> fs;
};

Opened open_image(std::string const& name) {
  Opened o{test::image(name), test::realtime_device(name), nullptr};
  OpenOptions options;
  options.devices.realtime = o.realtime.get();
  o.fs = Filesystem::open(*o.disk, options).value();
  return o;
}

/// The raw bytes of `key`, which the manifest keeps in base64 where they are no UTF-8.
std::string bytes_of_key(nlohmann::json const& entry, std::string const& key) {
  if (!entry.contains(key + "_bytes")) return entry[key];
  return test::from_base64(entry[key + "_bytes"].get<std::string>());
}

/// What the kernel listed for a file: offset and place in bytes, length, flags.
nlohmann::json mappings_in_bytes(Filesystem& fs, InodeNumber ino, u32 block_size) {
  nlohmann::json all = nlohmann::json::array();
  fs.mappings(ino, ForkKind::data, [&](FileMapping const& m) {
      std::string flags;
      if (m.unwritten) flags += 'u';
      if (m.shared) flags += 's';
      all.push_back({m.offset.raw() * block_size, m.daddr.raw() * basic_block_size,
                     m.length.raw() * block_size, flags});
      return true;
    }).value();
  return all;
}

std::string checksum(Filesystem& fs, InodeNumber ino, u64 size) {
  test::Sha256 sum;
  // An odd size, so that reads begin and end inside blocks.
  std::vector<std::byte> piece(1'000'003);
  u64 at = 0;
  for (;;) {
    u64 const got = fs.read(ino, at, piece).value();
    if (got == 0) break;
    sum.feed(Bytes(piece).first(got));
    at += got;
  }
  CHECK(at == size);
  return sum.hex();
}

void check_file(Filesystem& fs, nlohmann::json const& entry, InodeNumber ino, u32 block_size) {
  if (entry.contains("mappings")) {
    CHECK(mappings_in_bytes(fs, ino, block_size) == entry["mappings"]);
  }
  if (entry.contains("sha256")) {
    CHECK(checksum(fs, ino, entry["size"]) == entry["sha256"].get<std::string>());
  }
}

/// All paths below the root, by walking.
std::map<std::string, InodeNumber> all_paths(Filesystem& fs) {
  std::map<std::string, InodeNumber> paths;
  InodeNumber const root = fs.info().value().root_inode;
  paths["/"] = root;
  fs.walk(root, [&](WalkedDirectory const& d) {
      CHECK(std::ranges::is_sorted(d.entries, {}, &DirectoryEntry::name));
      std::string const base = d.path.empty() ? "/" : "/" + d.path + "/";
      for (DirectoryEntry const& e : d.entries) paths[base + e.name] = e.inode;
      return true;
    }).value();
  return paths;
}

void check_entry(Filesystem& fs, nlohmann::json const& entry, std::string const& path,
                 u32 block_size) {
  Result<InodeNumber> const ino = fs.resolve(path);
  REQUIRE_MESSAGE(ino, describe(ino.error()));
  CHECK(ino.value().raw() == entry["ino"].get<u64>());
  if (entry.contains("same_inode_as")) return;
  FileStatus const status = fs.stat(ino.value()).value();
  CHECK(status.uid == entry["uid"].get<u32>());
  CHECK(status.gid == entry["gid"].get<u32>());
  CHECK(status.links == entry["nlink"].get<u32>());
  if (entry["type"] == "file") check_file(fs, entry, ino.value(), block_size);
  if (entry["type"] == "symlink") {
    CHECK(fs.read_link(ino.value()).value() == bytes_of_key(entry, "target"));
  }
}

/// The image with `change` made to the bytes of a structure at `offset`, its checksum right again.
std::unique_ptr<MemoryDevice> changed(std::string const& name, u64 offset, u64 length,
                                      std::size_t crc_at, std::size_t at, u8 flip) {
  std::unique_ptr<MemoryDevice> disk = test::image(name);
  std::vector<std::byte> bytes = test::read_bytes(*disk, offset, length);
  bytes[at] ^= std::byte{flip};
  if (crc_at != 0) crc32c_stamp(bytes, crc_at);
  test::write_bytes(*disk, offset, bytes);
  return disk;
}

}  // namespace

TEST_SUITE("fs") {
  TEST_CASE("every path, size, mapping, target and byte is what the kernel said") {
    for (std::string const& name : test::readable_images()) {
      nlohmann::json const manifest = test::manifest_of(name);
      if (manifest["log"] != "clean") continue;
      CAPTURE(name);
      Opened const o = open_image(name);
      CHECK(o.fs->warnings().empty());
      FilesystemInfo const info = o.fs->info().value();
      std::map<std::string, InodeNumber> const found = all_paths(*o.fs);
      CHECK(found.size() == manifest["entries"].size());
      for (nlohmann::json const& entry : manifest["entries"]) {
        std::string const path = bytes_of_key(entry, "path");
        CAPTURE(path);
        CHECK(found.contains(path));
        check_entry(*o.fs, entry, path, info.block_size);
      }
      CHECK(info.inodes_allocated == manifest["superblock"]["icount"].get<u64>());
      CHECK(info.blocks_free == manifest["superblock"]["fdblocks"].get<u64>());
      CHECK(info.log->clean);
    }
  }

  TEST_CASE("a dirty log is a warning, not an error") {
    Opened const o = open_image("dirty-log");
    std::vector<Warning> const warnings = o.fs->warnings();
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].code == Warning::Code::dirty_log);
    CHECK_FALSE(o.fs->info().value().log->clean);
  }

  TEST_CASE("paths that lead nowhere name the component") {
    Opened const o = open_image("debian12");
    struct Row {
      std::string path;
      int errno_class;
      u8 component;
      std::string_view note;
    };
    std::vector<Row> const rows = {
        {"/missing", ENOENT, 1, "missing"},
        {"/swap/missing/deeper", ENOENT, 2, "missing"},
        {"/swap/one-a/deeper", ENOTDIR, 3, "deeper"},
        {"/swap/one-a/", ENOTDIR, 2, "one-a"},
        {"/dirs/block/absent", ENOENT, 3, "absent"},
        {"/dirs/leaf/absent", ENOENT, 3, "absent"},
        {"/dirs/node/absent", ENOENT, 3, "absent"},
        {"relative", EINVAL, 0, ""},
        {"", EINVAL, 0, ""},
        {"/shapes/symlink-local/x", ENOTDIR, 3, "x"},
        {"/names/symlink-not-utf-8/x", ENOENT, 2, "to-\xfe\xff"},
    };
    for (Row const& row : rows) {
      CAPTURE(row.path);
      Result<InodeNumber> const ino = o.fs->resolve(row.path);
      REQUIRE(ino.has_error());
      CHECK(ino.error().code == Errc::refused);
      CHECK(ino.error().errno_class == row.errno_class);
      CHECK(ino.error().operand == row.component);
      CHECK(ino.error().note.view() == row.note);
    }
    Result<InodeNumber> const longest = o.fs->resolve("/" + std::string(256, 'x'));
    REQUIRE(longest.has_error());
    CHECK(longest.error().errno_class == ENAMETOOLONG);
  }

  TEST_CASE("dots and doubled slashes lead where Linux leads") {
    Opened const o = open_image("debian12");
    InodeNumber const swap = o.fs->resolve("/swap").value();
    for (std::string_view const path :
         {"//swap", "/swap/", "/swap/.", "/./swap", "/dirs/../swap", "/../swap", "/swap/sub/.."}) {
      CAPTURE(path);
      CHECK(o.fs->resolve(path).value() == swap);
    }
  }

  TEST_CASE("what cannot be read as a file is refused by name") {
    Opened const o = open_image("debian12");
    std::vector<std::byte> into(16);
    CHECK(o.fs->read(o.fs->resolve("/swap").value(), 0, into).error().errno_class == EISDIR);
    CHECK(o.fs->read(o.fs->resolve("/shapes/fifo").value(), 0, into).error().errno_class == EINVAL);
    InodeNumber const file = o.fs->resolve("/swap/one-a").value();
    CHECK(o.fs->list(file, [](DirectoryEntry const&) { return true; }).error().errno_class ==
          ENOTDIR);
    CHECK(o.fs->read_link(file).error().errno_class == EINVAL);
    CHECK(o.fs->read(file, u64{1} << 62, into).value() == 0);
    CHECK(o.fs->read(file, 0, {}).value() == 0);
  }

  TEST_CASE("the beginnings of many files come together, each with what is wrong with it alone") {
    std::string const name = "debian12";
    Opened const o = open_image(name);
    constexpr u64 most = 100'000;
    std::vector<nlohmann::json> wanted;
    std::vector<FileRead> reads;
    std::vector<std::vector<std::byte>> into;
    nlohmann::json const manifest = test::manifest_of(name);
    for (nlohmann::json const& entry : manifest["entries"]) {
      if (!entry.contains("sha256") || entry["size"].get<u64>() >= most) continue;
      wanted.push_back(entry);
      into.emplace_back(most, std::byte{0x55});
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      reads.push_back({InodeNumber(wanted[i]["ino"].get<u64>()), into[i], 0, {}});
    }
    REQUIRE(reads.size() > 20);
    std::vector<std::byte> some(100);
    reads.push_back({o.fs->resolve("/swap").value(), some, 0, {}});
    reads.push_back({InodeNumber(~u64{0}), some, 0, {}});
    o.fs->read_each(reads).value();
    CHECK(reads.at(wanted.size()).problem->errno_class == EISDIR);
    CHECK(reads.at(wanted.size() + 1).problem.has_value());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      CHECK_FALSE(reads[i].problem.has_value());
      CHECK(reads[i].got == wanted[i]["size"].get<u64>());
      test::Sha256 sum;
      sum.feed(Bytes(into[i]).first(reads[i].got));
      CHECK(sum.hex() == wanted[i]["sha256"].get<std::string>());
    }
  }

  TEST_CASE("a large file with thousands of mappings is read in few batches") {
    Opened const o = open_image("debian12");
    InodeNumber const file = o.fs->resolve("/swap/many-a").value();
    FileStatus const status = o.fs->stat(file).value();
    CHECK(status.data_mappings == 3000);
    CHECK(status.data_format == "btree");
    u64 count = 0;
    o.fs->mappings(file, ForkKind::data, [&](FileMapping const&) { return ++count, true; }).value();
    CHECK(count == 3000);
    DeviceStats const before = o.disk->stats();
    o.fs->mappings(file, ForkKind::data, [](FileMapping const&) { return true; }).value();
    CHECK(o.disk->stats().reads == before.reads);  // no block is read twice
  }

  TEST_CASE("a wrong checksum in each structure on the way is located") {
    Opened o = open_image("debian12");
    u32 const block = o.fs->info().value().block_size;
    InodeNumber const many = o.fs->resolve("/swap/many-a").value();
    u64 const agi = 2 * 512;
    auto const open_and = [&](std::unique_ptr<MemoryDevice> disk, auto action) {
      std::unique_ptr<Filesystem> const fs = Filesystem::open(*disk).value();
      return action(*fs);
    };
    Error const bad_agi = open_and(changed("debian12", agi, 512, 0, 100, 1),
                                   [&](Filesystem& fs) { return fs.stat(many).error(); });
    CHECK(bad_agi.code == Errc::bad_crc);
    CHECK(bad_agi.structure == "agi");
    CHECK(bad_agi.address == 2);

    // The only mapping of /dirs/block is its block.
    InodeNumber const dir = o.fs->resolve("/dirs/block").value();
    Daddr at{};
    o.fs->mappings(dir, ForkKind::data, [&](FileMapping const& m) { return at = m.daddr, true; })
        .value();
    Error const bad_dir =
        open_and(changed("debian12", at.raw() * 512, block, 0, 200, 1), [&](Filesystem& fs) {
          return fs.list(dir, [](DirectoryEntry const&) { return true; }).error();
        });
    CHECK(bad_dir.code == Errc::bad_crc);
    CHECK(bad_dir.structure == "dir block");
    CHECK(bad_dir.address == at.raw());
    CHECK(bad_dir.owner == dir);

    Error const bad_owner =
        open_and(changed("debian12", at.raw() * 512, block, 4, 47, 1), [&](Filesystem& fs) {
          return fs.list(dir, [](DirectoryEntry const&) { return true; }).error();
        });
    CHECK(bad_owner.code == Errc::bad_value);
    CHECK(bad_owner.field == "owner");
    CHECK(bad_owner.owner == dir);
  }
}
