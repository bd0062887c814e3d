// One number of a good block of each tree is changed: the verifier names it.

#include "format/verify_btree.h"

#include "ag/tree_root.h"
#include "support/images.h"

#include <doctest/doctest.h>

namespace {

using namespace xfsx;

/// A block of a tree of AG 0, as Linux wrote it.
class Specimen {
 public:
  Specimen(BlockKind const& kind, AgTree tree, u32 level) : kind_(kind) {
    disk_ = test::image("trees");
    volume_ = Volume::open(*disk_).value();
    AgTreeRoot const root = find_tree_root(*volume_, AgNumber(0), tree).value();
    Geometry const& g = volume_->geometry();
    AgBlock at = root.block;
    for (u32 i = root.height; i-- > 0;) {
      where_ = g.locate(g.daddr(root.ag, at));
      block_ = test::read_bytes(*disk_, where_.address * 512, g.block_size());
      if (i == level) break;
      // Every node of these trees has its pointers behind room for its keys.
      std::size_t const keys = tree == AgTree::rmapbt ? 40 : tree_key(tree);
      std::size_t const room = (block_.size() - 56) / (keys + 4);
      at = view_as<be<AgBlock>>(block_, 56 + room * keys).value();
    }
  }

  /// The field that the verifier names after `change`; empty if it finds nothing.
  std::string_view field_after(std::function<void(Bytes)> const& change) const {
    std::vector<std::byte> block = block_;
    change(block);
    stamp_block(kind_, block, lsn_of(kind_, block));
    Result<void> const verdict = verify_block(kind_, block, {volume_->geometry(), where_}, Lsn(0));
    if (verdict) return {};
    CHECK(verdict.error().structure == kind_.name);
    return verdict.error().field;
  }

  /// The same after a change of record or key `index`.
  template <class T>
  std::string_view field_after(std::size_t index, std::function<void(T&)> const& change) const {
    return field_after([&](Bytes block) { change(edit_array<T>(block, 56, index + 1)[index]); });
  }

 private:
  static std::size_t tree_key(AgTree tree) {
    return tree == AgTree::bnobt || tree == AgTree::cntbt ? 8 : 4;
  }

  BlockKind const& kind_;
  std::unique_ptr<MemoryDevice> disk_;
  std::unique_ptr<Volume> volume_;
  Location where_;
  std::vector<std::byte> block_;
};

constexpr u32 ag_blocks = 32768;

}  // namespace

TEST_SUITE("format") {
  TEST_CASE("free space records") {
    Specimen const by_start(bnobt_kind, AgTree::bnobt, 0);
    using Record = disk::AllocRecord;
    CHECK(by_start.field_after([](Bytes) {}).empty());
    CHECK(by_start.field_after<Record>(3, [](Record& r) { r.startblock = AgBlock(0); }) ==
          "startblock");
    CHECK(by_start.field_after<Record>(3, [](Record& r) { r.startblock = AgBlock(ag_blocks); }) ==
          "startblock");
    CHECK(by_start.field_after<Record>(3, [](Record& r) { r.blockcount = 0; }) == "blockcount");
    CHECK(by_start.field_after<Record>(3, [](Record& r) { r.blockcount = ag_blocks; }) ==
          "blockcount");
    CHECK(by_start.field_after<Record>(3, [](Record& r) { r.blockcount = 5000; }) ==
          "startblock");  // into the next record
    Specimen const by_length(cntbt_kind, AgTree::cntbt, 0);
    CHECK(by_length.field_after([](Bytes) {}).empty());
    CHECK(by_length.field_after<Record>(3, [](Record& r) { r.blockcount = 100; }) == "blockcount");
    CHECK(by_length.field_after<Record>(3, [](Record& r) { r.blockcount = 0; }) == "blockcount");
    CHECK(by_length.field_after<Record>(0, [](Record& r) { r.startblock = AgBlock(30000); }) ==
          "startblock");
    Specimen const node(cntbt_kind, AgTree::cntbt, 1);
    CHECK(node.field_after([](Bytes) {}).empty());
    CHECK(node.field_after<Record>(1, [](Record& r) { r.startblock = AgBlock(ag_blocks + 7); }) ==
          "startblock");
  }

  TEST_CASE("inode chunks") {
    using Record = disk::InobtRecord;
    Specimen const leaf(inobt_kind, AgTree::inobt, 0);
    CHECK(leaf.field_after([](Bytes) {}).empty());
    CHECK(leaf.field_after<Record>(1, [](Record& r) { r.startino = AgInode(385); }) == "startino");
    CHECK(leaf.field_after<Record>(1, [](Record& r) { r.startino = AgInode(100000); }) ==
          "startino");
    CHECK(leaf.field_after<Record>(1, [](Record& r) { r.startino = AgInode(66); }) == "startino");
    CHECK(leaf.field_after<Record>(1, [](Record& r) { r.holemask = 0xffff; }) == "holemask");
    CHECK(leaf.field_after<Record>(1, [](Record& r) { r.holemask = 0x00ff; }) == "free");
    CHECK(leaf.field_after<Record>(1, [](Record& r) { r.count = 33; }) == "count");
    CHECK(leaf.field_after<Record>(1, [](Record& r) { r.freecount = 3; }) == "freecount");
    CHECK(leaf.field_after<Record>(1, [](Record& r) { r.free = 0xfffffffe; }) == "free");
    Specimen const with_free(finobt_kind, AgTree::finobt, 0);
    CHECK(with_free.field_after([](Bytes) {}).empty());
    CHECK(with_free.field_after<Record>(1, [](Record& r) {
      r.free = 0xffffffff00000000;
      r.freecount = 0;
    }) == "freecount");
    Specimen const node(inobt_kind, AgTree::inobt, 1);
    CHECK(node.field_after<disk::InobtKey>(
              1, [](disk::InobtKey& k) { k.startino = AgInode(64); }) == "startino");
    CHECK(node.field_after<disk::InobtKey>(1, [](disk::InobtKey& k) { k.startino = AgInode(0); }) ==
          "startino");
  }

  TEST_CASE("owners") {
    using Record = disk::RmapRecord;
    using namespace disk::rmap_flag;
    Specimen const leaf(rmapbt_kind, AgTree::rmapbt, 0);
    // Record 0 is the headers', 6 and 7 are files'.
    auto const after = [&](std::size_t i, std::function<void(Record&)> const& change) {
      return leaf.field_after<Record>(i, change);
    };
    CHECK(after(0, [](Record&) {}).empty());
    CHECK(after(0, [](Record& r) { r.blockcount = 3; }) == "blockcount");
    CHECK(after(1, [](Record& r) { r.owner = disk::rmap_owner::fs; }) == "startblock");
    CHECK(after(6, [](Record& r) { r.startblock = AgBlock(1); }) == "startblock");
    CHECK(after(6, [](Record& r) { r.blockcount = 0; }) == "blockcount");
    CHECK(after(6, [](Record& r) { r.blockcount = ag_blocks; }) == "blockcount");
    CHECK(after(6, [](Record& r) { r.owner = ~u64{0}; }) == "owner");
    CHECK(after(6, [](Record& r) { r.owner = ~u64{9}; }) == "owner");
    CHECK(after(6, [](Record& r) { r.owner = u64{1} << 60; }) == "owner");
    CHECK(after(6, [](Record& r) { r.offset = u64{1} << 54; }) == "offset");
    CHECK(after(6, [](Record& r) { r.offset = offset_mask; }) == "offset");
    CHECK(after(6, [](Record& r) { r.offset = bmbt_block | 7; }) == "offset");
    CHECK(after(6, [](Record& r) { r.offset = attr_fork | unwritten; }) == "offset");
    CHECK(after(6, [](Record& r) { r.offset = unwritten | 7; }).empty());
    CHECK(after(1, [](Record& r) { r.offset = 1; }) == "offset");
    CHECK(after(7, [](Record& r) { r.startblock = AgBlock(10); }) == "startblock");
  }

  TEST_CASE("keys of overlapping runs") {
    using Key = disk::RmapKey;
    Specimen const node(rmapbt_kind, AgTree::rmapbt, 1);
    auto const after = [&](std::function<void(Key&)> const& change) {
      return node.field_after<Key>(4, change);
    };
    CHECK(after([](Key&) {}).empty());
    CHECK(after([](Key& k) { k.startblock_hi = AgBlock(ag_blocks); }) == "startblock_hi");
    CHECK(after([](Key& k) { k.startblock_hi = AgBlock(1); }) == "startblock_hi");
    CHECK(after([](Key& k) { k.owner_hi = ~u64{0}; }) == "owner_hi");
    CHECK(after([](Key& k) { k.offset_hi = disk::rmap_flag::unwritten; }) == "offset_hi");
    CHECK(after([](Key& k) { k.offset = disk::rmap_flag::unwritten; }) == "offset");
    CHECK(after([](Key& k) { k.startblock = AgBlock(2); }) == "startblock");
    CHECK(node.field_after([](Bytes block) {
      edit_as<be<AgBlock>>(block, rmapbt_shape.pointers_at(block.size())) = AgBlock(ag_blocks);
    }) == "ptrs");
    CHECK(node.field_after([](Bytes block) {
      edit_as<be<AgBlock>>(block, rmapbt_shape.pointers_at(block.size())) = AgBlock(0);
    }) == "ptrs");
  }

  TEST_CASE("shared blocks") {
    using Record = disk::RefcountRecord;
    Specimen const leaf(refcountbt_kind, AgTree::refcountbt, 0);
    auto const after = [&](std::size_t i, std::function<void(Record&)> const& change) {
      return leaf.field_after<Record>(i, change);
    };
    CHECK(after(3, [](Record&) {}).empty());
    CHECK(after(3, [](Record& r) { r.refcount = 1; }) == "refcount");
    CHECK(after(3, [](Record& r) { r.blockcount = 0; }) == "blockcount");
    CHECK(after(3, [](Record& r) { r.blockcount = 5000; }) == "startblock");
    CHECK(after(3, [](Record& r) { r.startblock = ag_blocks; }) == "startblock");
    // Staging has one owner, and stands behind everything else.
    CHECK(after(3, [](Record& r) { r.startblock = r.startblock.value() | 1U << 31; }) ==
          "refcount");
    CHECK(after(3, [](Record& r) {
            r.startblock = r.startblock.value() | 1U << 31;
            r.refcount = 1;
          }) == "startblock");
    CHECK(after(79, [](Record& r) {
            r.startblock = r.startblock.value() | 1U << 31;
            r.refcount = 1;
          }).empty());
  }

  TEST_CASE("headers of btree blocks") {
    Specimen const leaf(rmapbt_kind, AgTree::rmapbt, 0);
    auto const after = [&](std::function<void(disk::BtreeShortBlock&)> const& change) {
      return leaf.field_after([&](Bytes b) { change(edit_as<disk::BtreeShortBlock>(b)); });
    };
    using Header = disk::BtreeShortBlock;
    CHECK(after([](Header& h) { h.magic = disk::bnobt_magic; }) == "magic");
    CHECK(after([](Header& h) { h.level = max_rmapbt_height; }) == "level");
    CHECK(after([](Header& h) { h.numrecs = 41; }) == "numrecs");
    CHECK(after([](Header& h) { h.leftsib = AgBlock(1); }) == "leftsib");
    CHECK(after([](Header& h) { h.rightsib = AgBlock(ag_blocks); }) == "rightsib");
    CHECK(after([](Header& h) { h.owner = AgNumber(1); }) == "owner");
    CHECK(after([](Header& h) { h.bno = Daddr(h.bno.raw() + 1); }) == "bno");
  }
}
