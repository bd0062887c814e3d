// Attributes that were to be set or removed: intents made by hand over clean images, and over forks
// that an interrupted operation left. xfs_repair judges, and the attributes are what was meant.

#include "recovery/desk.h"

#include "attr/block.h"
#include "attr/list.h"
#include "disk/attr.h"
#include "disk/parent.h"
#include "disk/superblock.h"
#include "format/features.h"
#include "format/verify_ag.h"
#include "support/patch.h"
#include "support/results.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>

#include <map>
#include <random>

namespace {

using namespace xfsx;
using namespace xfsx::test;

namespace op = disk::attr_intent;

using Attributes = std::map<std::pair<AttributeSpace, std::string>, std::vector<std::byte>>;

Attributes attributes(Desk& desk, std::string const& path) {
  Attributes found;
  auto const visit = [&](StoredAttribute const& a, std::vector<std::byte> value) -> Result<bool> {
    found[{a.space, std::string(a.name)}] = std::move(value);
    return true;
  };
  must(for_each_value(desk.volume(), desk.inode(path), visit));
  return found;
}

/// The image says that attributes may be found in its log.
void allow_attributes(MemoryDevice& disk, bool allow = true) {
  patch_block(disk, superblock_kind, Daddr(0), basic_block_size, [&](Bytes bytes) {
    edit_as<disk::Superblock>(bytes).features_log_incompat = allow ? log_incompat::xattrs : 0;
  });
}

std::vector<std::byte> bytes(std::string_view text) {
  ConstBytes const from = bytes_of(text);
  return {from.begin(), from.end()};
}

struct Change {
  std::string name;
  std::vector<std::byte> value{};
  u32 operation = op::set;
  u32 filter = 0;
};

Intent attri(InodeNumber inode, Change const& change) {
  Intent intent;
  intent.type = disk::LogItemType::attri;
  intent.name = "ATTRI";
  AttrIntent work;
  work.inode = inode;
  work.operation = change.operation;
  work.filter = change.filter;
  work.name = bytes(change.name);
  work.value = change.value;
  intent.work = std::move(work);
  return intent;
}

void judge(Desk& desk) {
  desk.judge([](MemoryDevice& disk) { allow_attributes(disk, false); });
}

/// Values of all sizes: many that lie beside their names, some in blocks of their own.
std::vector<std::byte> some_value(std::mt19937& random, u32 step) {
  static constexpr u32 sizes[] = {0, 7, 40, 200, 255, 300, 900, 2500, 4000, 9000, 65536};
  u32 const size = sizes[step % 37 == 36 ? 10 : random() % 10];
  std::vector<std::byte> value(size);
  for (std::byte& b : value) b = static_cast<std::byte>(random());
  return value;
}

/// Sets, replaces and removes attributes of a file in an order that only chance knows.
void change_at_random(Desk& desk, std::string const& path, u32 steps) {
  std::mt19937 random(7);
  InodeNumber const inode = desk.inode(path).number;
  Attributes want = attributes(desk, path);
  for (u32 step = 0; step < steps; ++step) {
    std::size_t const space = random() % 3;
    static constexpr u32 filters[] = {0, disk::attr_flag::root, disk::attr_flag::secure};
    static constexpr AttributeSpace spaces[] = {AttributeSpace::user, AttributeSpace::trusted,
                                                AttributeSpace::security};
    std::string const name =
        "name-" + std::to_string(random() % (steps / 2)) + std::string(random() % 60, 'x');
    auto const key = std::pair(spaces[space], name);
    bool const removes = random() % 4 == 0 || (step > steps / 2 && !want.empty());
    if (removes) {
      auto const gone = random() % 3 == 0 || want.empty() ? want.find(key) : want.begin();
      if (gone == want.end()) continue;
      std::size_t const which =
          static_cast<std::size_t>(std::ranges::find(spaces, gone->first.first) - spaces);
      must(desk.finish({attri(inode, {gone->first.second, {}, op::remove, filters[which]})}));
      want.erase(gone);
    } else {
      std::vector<std::byte> const value = some_value(random, step);
      bool const there = want.contains(key);
      must(desk.finish(
          {attri(inode, {name, value, there ? op::replace : op::set, filters[space]})}));
      want[key] = value;
    }
    if (step % (steps / 4) == 0) {
      CHECK(attributes(desk, path) == want);
      judge(desk);
    }
  }
  CHECK(attributes(desk, path) == want);
  judge(desk);
}

}  // namespace

TEST_SUITE("recovery") {
  TEST_CASE("attributes are set, replaced and removed in forks of all forms") {
    for (std::string const image : {"debian12", "rmapbt", "block1k", "inode2k", "nrext64"}) {
      for (std::string const path : {"/swap/one-a", "/swap/attr-a", "/swap"}) {
        CAPTURE(image);
        CAPTURE(path);
        Desk desk(image, [](MemoryDevice& disk) { allow_attributes(disk); });
        change_at_random(desk, path, 80);
      }
    }
  }

  TEST_CASE("a tree of attributes grows by levels") {
    Desk desk("block1k", [](MemoryDevice& disk) { allow_attributes(disk); });
    InodeNumber const inode = desk.inode("/swap/one-b").number;
    std::vector<Intent> intents;
    for (u32 i = 0; i < 2500; ++i) {
      std::string const name = std::to_string(i * 7919 % 2500) + std::string(190, 'n');
      intents.push_back(attri(inode, {name, bytes("v" + std::to_string(i))}));
    }
    must(desk.finish(intents));
    CHECK(attributes(desk, "/swap/one-b").size() == 2500);
    judge(desk);
  }

  TEST_CASE("what an interrupted operation left goes") {
    Desk desk("rmapbt", [](MemoryDevice& disk) { allow_attributes(disk); });
    std::string const path = "/swap/one-a";
    InodeNumber const inode = desk.inode(path).number;
    std::vector<std::byte> const large(9000, std::byte{'l'});
    must(desk.finish({attri(inode, {"old", large}), attri(inode, {"other", bytes("stays")})}));
    // As if writing the value had begun: the entry says nothing of it yet.
    Transaction txn(desk.volume());
    FsBlock const at = desk.mappings(path, ForkKind::attr).front().start;
    Geometry const& g = desk.geometry();
    BufferRef const leaf =
        txn.read(attr_leaf_kind, g.daddr(at), g.sectors(BlockCount(1)), inode).value();
    Bytes const copy = txn.edit(leaf, inode).value();
    bool found = false;
    std::span<disk::AttrLeafEntry> const entries = edit_array<disk::AttrLeafEntry>(
        copy, sizeof(disk::AttrLeafHeader), view_as<disk::AttrLeafHeader>(copy).count.value());
    for (disk::AttrLeafEntry& entry : entries) {
      if ((entry.flags & disk::attr_flag::local) != 0) continue;
      entry.flags |= disk::attr_flag::incomplete;
      auto& name = edit_as<disk::AttrRemoteName>(copy, entry.nameidx.value());
      name.valueblk = name.valuelen = 0U;
      found = true;
    }
    REQUIRE(found);
    must(desk.bench().take(txn));
    Intent const again = attri(inode, {"old", bytes("new"), op::replace});
    must(desk.finish({again}));
    Attributes const want{{{AttributeSpace::user, "old"}, bytes("new")},
                          {{AttributeSpace::user, "other"}, bytes("stays")}};
    CHECK(attributes(desk, path) == want);
    CHECK(desk.mappings(path, ForkKind::attr).empty());
    judge(desk);
    must(desk.finish({again}));
    CHECK(attributes(desk, path) == want);
  }

  TEST_CASE("attribute intents that cannot be meant are refused") {
    Desk desk("rmapbt", [](MemoryDevice& disk) { allow_attributes(disk); });
    InodeNumber const inode = desk.inode("/swap/one-a").number;
    auto const refused = [&](Intent const& intent, std::string_view field) {
      Result<void> const done = desk.finish({intent});
      REQUIRE(done.has_error());
      CHECK(done.error().structure == "log_attri");
      CHECK(done.error().field == field);
    };
    refused(attri(inode, {"a", {}, 9}), "op_flags");
    refused(attri(inode, {"a", {}, op::parent_set, disk::attr_flag::parent}), "op_flags");
    refused(attri(inode, {"a", {}, op::set, 1}), "attr_filter");
    refused(attri(inode, {"a", {}, op::set, 6}), "attr_filter");
    refused(attri(inode, {"a", {}, op::set, disk::attr_flag::parent}), "attr_filter");
    refused(attri(inode, {std::string(1, '\0'), {}}), "name_len");
    refused(attri(InodeNumber(1), {"a", {}}), "ino");
    Desk plain("rmapbt");
    CHECK(plain.finish({attri(inode, {"a", {}})}).error().field == "op_flags");
  }
}
