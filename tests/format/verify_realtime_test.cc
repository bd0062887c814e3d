// Geometry of realtime sections, and blocks of quota and realtime files, in which one number is
// changed: the verifier names it.

#include "format/verify_realtime.h"

#include "base/crc32c.h"
#include "disk/quota.h"
#include "disk/realtime.h"
#include "format/verify_btree.h"
#include "format/verify_quota.h"
#include "inode/inode.h"
#include "support/images.h"

#include <doctest/doctest.h>

namespace {

using namespace xfsx;

/// The first block of an image that begins with a magic and that its verifier accepts.
class Specimen {
 public:
  Specimen(std::string const& image, BlockKind const& kind, ConstBytes magic, u32 level = 0)
      : kind_(kind), disk_(test::image(image)), volume_(Volume::open(*disk_).value()) {
    Geometry const& g = volume_->geometry();
    for (u64 at = 0; at < g.data_blocks(); ++at) {
      block_ = test::read_bytes(*disk_, at * g.block_size(), g.block_size());
      if (!std::ranges::equal(ConstBytes(block_).first(magic.size()), magic)) continue;
      bool const tree = &kind == &rtrmapbt_kind || &kind == &rtrefcountbt_kind;
      if (tree && view_as<disk::BtreeLongBlock>(block_).level.value() != level) continue;
      where_ = g.locate(Daddr(at * g.block_size() / 512));
      if (verify_block(kind, block_, {g, where_}, Lsn(0))) return;
    }
    FAIL("no such block");
  }

  /// The field that the verifier names after `change`; empty if it finds nothing.
  std::string_view field_after(std::function<void(Bytes)> const& change) const {
    std::vector<std::byte> block = block_;
    change(block);
    stamp_block(kind_, block, lsn_of(kind_, block));
    if (&kind_ == &dquot_kind) stamp_dquots(block);
    Result<void> const verdict = verify_block(kind_, block, {volume_->geometry(), where_}, Lsn(0));
    if (verdict) return {};
    CHECK(verdict.error().structure == kind_.name);
    return verdict.error().field;
  }

  /// The same after a change of the T at `offset`.
  template <class T>
  std::string_view field_after(std::size_t offset, std::function<void(T&)> const& change) const {
    return field_after([&](Bytes block) { change(edit_as<T>(block, offset)); });
  }

 private:
  static void stamp_dquots(Bytes block) {
    constexpr std::size_t size = sizeof(disk::DquotRecord);
    for (std::size_t at = 0; at + size <= block.size(); at += size) {
      crc32c_stamp(block.subspan(at, size), offsetof(disk::DquotRecord, crc));
    }
  }

  BlockKind const& kind_;
  std::unique_ptr<MemoryDevice> disk_;
  std::unique_ptr<Volume> volume_;
  Location where_;
  std::vector<std::byte> block_;
};

ConstBytes bytes_of_magic(be32 const& magic) {
  return bytes_of(magic);
}

/// The field that a superblock is refused for after `change`; empty if it is not.
std::string_view superblock_field(std::string const& image,
                                  std::function<void(disk::Superblock&)> const& change) {
  std::unique_ptr<MemoryDevice> const disk = test::image(image);
  std::vector<std::byte> sector = test::read_bytes(*disk, 0, 512);
  change(edit_as<disk::Superblock>(Bytes(sector)));
  crc32c_stamp(sector, offsetof(disk::Superblock, crc));
  Result<Geometry> const g = Geometry::from_superblock(sector, {disk->info().size, 512});
  return g ? std::string_view() : g.error().field;
}

}  // namespace

TEST_SUITE("format") {
  TEST_CASE("places of realtime blocks") {
    RealtimeShape plain;
    plain.blocks = 1000;
    plain.extent_blocks = 3;
    CHECK(plain.valid(FsBlock(0), BlockCount(1000)));
    CHECK_FALSE(plain.valid(FsBlock(1), BlockCount(1000)));
    CHECK_FALSE(plain.valid(FsBlock(5), BlockCount(0)));
    CHECK(plain.place(FsBlock(999)) == 999);
    CHECK(plain.end() == 1000);

    RealtimeShape groups;
    groups.blocks = 250;
    groups.groups = true;
    groups.group_count = 3;
    groups.group_extents = 50;
    groups.extent_blocks = 2;
    groups.group_block_log = 7;
    groups.super = true;
    CHECK_FALSE(groups.valid(FsBlock(0), BlockCount(1)));
    CHECK(groups.valid(FsBlock(2), BlockCount(98)));
    CHECK_FALSE(groups.valid(FsBlock(2), BlockCount(99)));
    CHECK_FALSE(groups.valid(FsBlock(100), BlockCount(1)));
    CHECK(groups.valid(FsBlock(128), BlockCount(100)));
    CHECK(groups.valid(FsBlock(256), BlockCount(50)));
    CHECK_FALSE(groups.valid(FsBlock(256), BlockCount(51)));
    CHECK_FALSE(groups.valid(FsBlock(384), BlockCount(1)));
    CHECK_FALSE(groups.valid(FsBlock(~u64{0} >> 12), BlockCount(1)));
    CHECK(groups.place(FsBlock(256 + 7)) == 207);
    CHECK(groups.end() == 250);
    groups.start = 4000;
    CHECK(groups.place(FsBlock(256 + 7)) == 4207);
    groups.gaps = true;
    CHECK(groups.place(FsBlock(256 + 7)) == 4263);
    CHECK(groups.end() == 4000 + 256 + 50);
  }

  TEST_CASE("realtime numbers of a superblock") {
    using Sb = disk::Superblock;
    for (std::string const name : {"realtime", "rtgroups", "zoned"}) {
      CHECK(superblock_field(name, [](Sb&) {}).empty());
      CHECK(superblock_field(name, [](Sb& sb) { sb.rextsize = 0; }) == "rextsize");
      CHECK(superblock_field(name, [](Sb& sb) { sb.rextents = 7; }) == "rextents");
      CHECK(superblock_field(name, [](Sb& sb) { sb.rextslog = 60; }) == "rextslog");
      CHECK(superblock_field(name, [](Sb& sb) { sb.rbmblocks = 77; }) == "rbmblocks");
      CHECK(superblock_field(name, [](Sb& sb) { sb.frextents = 1U << 30; }) == "frextents");
    }
    for (std::string const name : {"rtgroups", "zoned"}) {
      CHECK(superblock_field(name, [](Sb& sb) { sb.rgcount = 1; }) == "rgcount");
      CHECK(superblock_field(name, [](Sb& sb) { sb.rgextents = 0; }) == "rgextents");
      CHECK(superblock_field(name, [](Sb& sb) { sb.rgblklog = 3; }) == "rgblklog");
      CHECK(superblock_field(name, [](Sb& sb) { sb.metadirino = InodeNumber(1); }) == "metadirino");
    }
    CHECK(superblock_field("zoned", [](Sb& sb) { sb.rtstart = 5; }) == "rtstart");
    CHECK(superblock_field("zoned", [](Sb& sb) { sb.rtstart = sb.rtstart.value() + 1; }) ==
          "rblocks");
    CHECK(superblock_field("zoned", [](Sb& sb) { sb.rtreserved = 1U << 30; }) == "rtreserved");
  }

  TEST_CASE("dquots") {
    constexpr std::byte magic[] = {std::byte{'D'}, std::byte{'Q'}};
    Specimen const block("quota", dquot_kind, magic);
    using disk::Dquot;
    using disk::DquotRecord;
    constexpr std::size_t third = 2 * sizeof(DquotRecord);
    auto const after = [&](std::function<void(Dquot&)> const& change) {
      return block.field_after<Dquot>(third, change);
    };
    CHECK(block.field_after([](Bytes) {}).empty());
    CHECK(after([](Dquot& d) { d.magic = 1; }) == "magic");
    CHECK(after([](Dquot& d) { d.version = 2; }) == "version");
    CHECK(after([](Dquot& d) { d.type ^= 3; }) == "type");
    CHECK(after([](Dquot& d) { d.type |= 7; }) == "type");
    CHECK(after([](Dquot& d) { d.type |= 0x40; }) == "type");
    CHECK(after([](Dquot& d) { d.id = d.id.value() + 1; }) == "id");
    CHECK(block.field_after<Dquot>(0, [](Dquot& d) { d.id = 1; }) == "id");
    auto const exceeded = [](Dquot& d) {
      d.blk_softlimit = 1;
      d.bcount = 2;
      d.btimer = 0;
    };
    CHECK(after(exceeded) == "btimer");
    CHECK(block.field_after<DquotRecord>(third, [](DquotRecord& d) { d.uuid.b[0] ^= 1; }) ==
          "uuid");
  }

  TEST_CASE("blocks of realtime groups") {
    be32 const bitmap_magic(disk::rt_bitmap_magic), summary_magic(disk::rt_summary_magic);
    Specimen const bitmap("rtgroups", rt_bitmap_kind, bytes_of_magic(bitmap_magic));
    Specimen const summary("rtgroups", rt_summary_kind, bytes_of_magic(summary_magic));
    using Header = disk::RtBufferHeader;
    CHECK(bitmap.field_after([](Bytes) {}).empty());
    CHECK(bitmap.field_after<Header>(0, [](Header& h) { h.magicnum = 7; }) == "magicnum");
    CHECK(bitmap.field_after<Header>(0, [](Header& h) { h.bno = Daddr(7); }) == "bno");
    CHECK(bitmap.field_after<Header>(0, [](Header& h) { h.uuid.b[3] ^= 1; }) == "uuid");
    CHECK(summary.field_after([](Bytes) {}).empty());
    CHECK(summary.field_after<be32>(sizeof(Header) + 40, [](be32& n) { n = 1U << 20; }) ==
          "suminfo");
  }

  TEST_CASE("btrees of realtime groups") {
    be32 const rmap_magic(disk::rtrmapbt_magic), refcount_magic(disk::rtrefcountbt_magic);
    using Rmap = disk::RmapRecord;
    using Refcount = disk::RefcountRecord;
    using Head = disk::BtreeLongBlock;
    constexpr std::size_t first = sizeof(Head);
    Specimen const owners("rtgroups", rtrmapbt_kind, bytes_of_magic(rmap_magic));
    CHECK(owners.field_after([](Bytes) {}).empty());
    auto const owner = [&](std::function<void(Rmap&)> const& change) {
      return owners.field_after<Rmap>(first + sizeof(Rmap), change);
    };
    CHECK(owner([](Rmap& r) { r.startblock = AgBlock(1U << 30); }) == "startblock");
    CHECK(owner([](Rmap& r) { r.blockcount = 0; }) == "blockcount");
    CHECK(owner([](Rmap& r) { r.owner = disk::rmap_owner::ag; }) == "owner");
    CHECK(owner([](Rmap& r) { r.offset = disk::rmap_flag::attr_fork; }) == "offset");
    CHECK(owner([](Rmap& r) { r.offset = disk::rmap_flag::bmbt_block; }) == "offset");
    CHECK(owners.field_after<Head>(0, [](Head& h) { h.level = 40; }) == "level");
    CHECK(owners.field_after<Head>(0, [](Head& h) { h.numrecs = 0; }) == "numrecs");
    CHECK(owners.field_after<Head>(0, [](Head& h) { h.rightsib = FsBlock(1U << 30); }) ==
          "rightsib");
    Specimen const node("rtgroups", rtrmapbt_kind, bytes_of_magic(rmap_magic), 1);
    CHECK(node.field_after([](Bytes) {}).empty());
    using Key = disk::RmapKey;
    CHECK(node.field_after<Key>(first, [](Key& k) { k.startblock_hi = AgBlock(1U << 30); }) ==
          "startblock_hi");
    CHECK(node.field_after<Key>(first, [](Key& k) { k.owner = 0; }) == "owner");
    Specimen const shared("rtgroups", rtrefcountbt_kind, bytes_of_magic(refcount_magic));
    CHECK(shared.field_after([](Bytes) {}).empty());
    auto const count = [&](std::function<void(Refcount&)> const& change) {
      return shared.field_after<Refcount>(first + sizeof(Refcount), change);
    };
    CHECK(count([](Refcount& r) { r.refcount = 1; }) == "refcount");
    CHECK(count([](Refcount& r) { r.startblock = 1U << 30; }) == "startblock");
    CHECK(count([](Refcount& r) { r.blockcount = 1U << 30; }) == "blockcount");
  }
}
