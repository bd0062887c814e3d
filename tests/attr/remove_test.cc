// Attributes removed one at a time from forks of all forms that Linux made. That Linux agrees,
// tests/attr/remove_oracle.py says.

#include "attr/remove.h"

#include "attr/block.h"
#include "attr/fork_map.h"
#include "attr/tree_editor.h"
#include "base/view.h"
#include "disk/attr.h"
#include "format/verify_dir.h"
#include "inode/bmap.h"
#include "support/images.h"
#include "support/patch.h"
#include "txn/commit.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

namespace {

using namespace xfsx;

struct Stored {
  AttributeSpace space;
  std::string name;
  std::vector<std::byte> value;

  friend bool operator==(Stored const&, Stored const&) = default;
};

std::vector<Stored> attributes_of(Volume& volume, InodeNumber number) {
  std::vector<Stored> all;
  Inode const inode = load_inode(volume, number).value();
  for_each_value(volume, inode, [&](StoredAttribute const& a, auto value) -> Result<bool> {
    all.push_back({a.space, std::string(a.name), std::move(value)});
    return true;
  }).value();
  return all;
}

/// The last hash below block `offset` of the fork; each node names those of its children.
u32 check_hashes(Volume& volume, Inode const& inode, ForkMap const& map, u32 offset) {
  FsBlock const at = map.at(offset).value();
  ConstBytes const bytes = load_attr_block(volume, inode, at).value()->bytes();
  if (attr_block_role(format_v5, bytes) == AttrBlockRole::leaf) return attr_leaf_last_hash(bytes);
  u32 last = 0;
  for (disk::DaNodeEntry const& entry : da_node_index(format_v5, bytes)) {
    last = entry.hashval.value();
    CHECK(check_hashes(volume, inode, map, entry.before.raw()) == last);
  }
  return last;
}

void remove_and_commit(MemoryDevice& disk, InodeNumber number, Stored const& which) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  Inode const inode = load_inode(*volume, number).value();
  Transaction txn(*volume);
  Bytes const copy = txn.edit_inode(number, inode.place, inode.cluster).value();
  CHECK(remove_attribute(txn, inode, copy, {which.space, which.name}).value());
  PreparedCommit::prepare(txn, {}).value().run().value();
}

/// Blocks of the data fork.
u64 mapped_blocks_of(BlockDevice& disk, InodeNumber number) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  u64 sum = 0;
  Inode const inode = load_inode(*volume, number).value();
  for_each_mapping(*volume, inode, ForkKind::data, [&](Mapping const& m) {
    sum += m.length.raw();
    return true;
  }).value();
  return sum;
}

/// Removes an attribute, commits, and looks at what is there then.
void remove_and_look(MemoryDevice const& before, InodeNumber number, Stored const& which) {
  CAPTURE(which.name);
  std::unique_ptr<MemoryDevice> const disk = before.snapshot();
  std::unique_ptr<Volume> volume = Volume::open(*disk).value();
  std::vector<Stored> expected = attributes_of(*volume, number);
  std::erase(expected, which);
  remove_and_commit(*disk, number, which);
  volume = Volume::open(*disk).value();
  CHECK(attributes_of(*volume, number) == expected);
  Inode const inode = load_inode(*volume, number).value();
  ForkMap const map = ForkMap::read(*volume, inode).value();
  if (!map.mappings().empty()) check_hashes(*volume, inode, map, 0);
}

/// A leaf of 1 KiB whose attributes lie as after removals: the second one lower than the third.
std::vector<std::byte> leaf_with_holes() {
  std::vector<std::byte> block(1024);
  auto& header = edit_as<disk::AttrLeafHeader>(block);
  header.magic = disk::attr_leaf_magic;
  header.count = 3;
  header.usedbytes = 24;
  header.firstused = 900;
  header.holes = 1;
  constexpr u16 places[] = {1016, 900, 960};
  for (std::size_t i = 0; i < 3; ++i) {
    auto& entry = edit_as<disk::AttrLeafEntry>(
        block, sizeof(disk::AttrLeafHeader) + i * sizeof(disk::AttrLeafEntry));
    entry.hashval = static_cast<u32>('a' + i);
    entry.nameidx = places[i];
    entry.flags = disk::attr_flag::local;
    auto& name = edit_as<disk::AttrLocalName>(block, places[i]);
    name.valuelen = 2;
    name.namelen = 1;
    block[places[i] + sizeof(disk::AttrLocalName)] = static_cast<std::byte>('a' + i);
    block[places[i] + sizeof(disk::AttrLocalName) + 1] = static_cast<std::byte>('A' + i);
  }
  return block;
}

}  // namespace

TEST_SUITE("attr") {
  TEST_CASE("each attribute can be removed, and the others stay") {
    std::map<std::string, u32> removed;
    for (std::string const image : {"debian12", "block1k", "inode2k", "nrext64"}) {
      CAPTURE(image);
      std::unique_ptr<MemoryDevice> const disk = test::image(image);
      for (std::string const name :
           {"attr-local", "attr-leaf", "attr-node", "attr-remote", "attr-dir"}) {
        CAPTURE(name);
        InodeNumber const number = test::ino_of(image, "/shapes/" + name);
        for (Stored const& a : attributes_of(*Volume::open(*disk).value(), number)) {
          remove_and_look(*disk, number, a);
          ++removed[name];
        }
      }
    }
    CHECK(removed["attr-local"] == 8);
    CHECK(removed["attr-leaf"] == 16);
    CHECK(removed["attr-node"] == 48);
    CHECK(removed["attr-remote"] == 4);
  }

  TEST_CASE("all attributes can be removed, and their blocks are free then") {
    for (std::string const image : {"debian12", "block1k", "nrext64"}) {
      CAPTURE(image);
      std::unique_ptr<MemoryDevice> const disk = test::image(image);
      for (std::string const name : {"attr-leaf", "attr-node", "attr-remote"}) {
        CAPTURE(name);
        InodeNumber const number = test::ino_of(image, "/shapes/" + name);
        std::vector<Stored> left = attributes_of(*Volume::open(*disk).value(), number);
        u64 const free = Filesystem::open(*disk).value()->info().value().blocks_free;
        u64 const used = load_inode(*Volume::open(*disk).value(), number).value().nblocks();
        for (; !left.empty(); left.pop_back()) remove_and_commit(*disk, number, left.back());
        Inode const inode = load_inode(*Volume::open(*disk).value(), number).value();
        CHECK_FALSE(inode.has_attr_fork());
        CHECK(inode.anextents() == 0);
        CHECK(Filesystem::open(*disk).value()->info().value().blocks_free ==
              free + used - inode.nblocks());
        CHECK(inode.nblocks() == mapped_blocks_of(*disk, number));
      }
    }
  }

  TEST_CASE("what is not there is not removed") {
    std::unique_ptr<MemoryDevice> const disk = test::image("debian12");
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    for (std::string const name : {"attr-local", "attr-leaf", "attr-node", "fifo"}) {
      CAPTURE(name);
      Inode const inode = load_inode(*volume, test::ino_of("debian12", "/shapes/" + name)).value();
      Transaction txn(*volume);
      Bytes const copy = txn.edit_inode(inode.number, inode.place, inode.cluster).value();
      CHECK_FALSE(
          remove_attribute(txn, inode, copy, {AttributeSpace::security, "capability"}).value());
      CHECK(txn.blocks().empty());
      CHECK(std::ranges::equal(copy, inode.bytes()));
    }
  }

  TEST_CASE("the last attribute takes its fork along, but not beside a btree") {
    std::unique_ptr<MemoryDevice> const disk = test::image("debian12");
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    auto const core_after = [&](std::string const& path, std::string_view name) {
      Inode const inode = load_inode(*volume, test::ino_of("debian12", path)).value();
      Transaction txn(*volume);
      Bytes const copy = txn.edit_inode(inode.number, inode.place, inode.cluster).value();
      CHECK(remove_attribute(txn, inode, copy, {AttributeSpace::user, name}).value());
      PreparedCommit::prepare(txn, {}).value();
      return view_as<disk::Dinode>(copy);
    };
    disk::Dinode const alone = core_after("/shapes/attr-dir", "key");
    CHECK(alone.forkoff == 0);
    CHECK(alone.aformat == static_cast<u8>(disk::ForkFormat::extents));
    disk::Dinode const beside = core_after("/swap/many-a", "note");
    CHECK(beside.forkoff != 0);
    CHECK(beside.aformat == static_cast<u8>(disk::ForkFormat::local));
  }

  TEST_CASE("a leaf is packed anew") {
    std::vector<std::byte> const old = leaf_with_holes();
    for (u32 gone = 0; gone < 3; ++gone) {
      CAPTURE(gone);
      std::vector<std::byte> leaf = old;
      REQUIRE(pack_leaf_without(gone, old, leaf, {}));
      auto const& header = view_as<disk::AttrLeafHeader>(leaf);
      CHECK(header.count.value() == 2);
      CHECK(header.usedbytes.value() == 16);
      CHECK(header.firstused.value() == 1008);
      CHECK(header.holes == 0);
      CHECK(header.freemap[0].value() == ((96U << 16) | (1008U - 96U)));
      CHECK(header.freemap[1].value() == 0);
      std::string left;
      REQUIRE(visit_attr_leaf(format_v5, leaf, {}, [&](StoredAttribute const& a) -> Result<bool> {
        left += std::string(a.name) + std::string(text_of(a.value));
        return true;
      }));
      std::string const all = "aAbBcC";
      CHECK(left.size() == 6);
      CHECK(left.find(all[gone * 2]) == std::string::npos);
    }
  }

  TEST_CASE("a name that fills up beyond the end of its block is named") {
    std::vector<std::byte> old = leaf_with_holes();
    auto& entry = edit_as<disk::AttrLeafEntry>(old, sizeof(disk::AttrLeafHeader));
    entry.nameidx = 1018;
    edit_as<disk::AttrLocalName>(old, 1018).namelen = 1;
    edit_as<disk::AttrLocalName>(old, 1018).valuelen = 2;
    std::vector<std::byte> leaf = old;
    Result<void> const packed = pack_leaf_without(1, old, leaf, {});
    REQUIRE_FALSE(packed);
    CHECK(packed.error().field == "nameidx");
  }
}
