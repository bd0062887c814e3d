#include "inode/bmap.h"

#include "btree/node.h"
#include "support/patch.h"

#include <doctest/doctest.h>

#include <set>

namespace {

using namespace xfsx;

std::string const image_name = "block1k";

/// Mappings of the file with 3,000 of them, after `damage` was done to the disk. Its btree has a
/// root with one pointer, a node, and leaves.
Error collect_after(std::function<void(BlockDevice&, Volume&, Inode const&)> const& damage) {
  std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
  InodeNumber const ino = test::ino_of(image_name, "/swap/many-a");
  {
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    Inode const inode = load_inode(*volume, ino).value();
    damage(*disk, *volume, inode);
  }
  std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
  Inode const inode = load_inode(*volume, ino).value();
  Result<std::vector<Mapping>> const mappings = collect_mappings(*volume, inode, ForkKind::data);
  REQUIRE(mappings.has_error());
  CHECK(mappings.error().owner == ino);
  CHECK(mappings.error().errno_class == EUCLEAN);
  return mappings.error();
}

/// The same after a change of btree block `index`, counted from the top.
Error collect_after_block(std::size_t index, std::function<void(Bytes)> const& change) {
  return collect_after([&](BlockDevice& disk, Volume& volume, Inode const& inode) {
    BufferRef const block = bmbt_blocks(volume, inode, ForkKind::data).value().at(index);
    test::patch_block(disk, bmbt_kind, block->daddr, block->bytes().size(), change);
  });
}

disk::BtreeLongBlock& head(Bytes block) {
  return edit_as<disk::BtreeLongBlock>(block);
}

disk::BmbtRecord& record(Bytes block, std::size_t i) {
  return edit_array<disk::BmbtRecord>(block, bmbt_shape.header, i + 1)[i];
}

}  // namespace

TEST_SUITE("inode") {
  TEST_CASE("blocks of a btree come level by level, each once") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    Inode const inode = load_inode(*volume, test::ino_of(image_name, "/swap/many-a")).value();
    std::vector<BufferRef> const blocks = bmbt_blocks(*volume, inode, ForkKind::data).value();
    std::set<u64> places;
    for (BufferRef const& block : blocks) CHECK(places.insert(block->daddr.raw()).second);
    u32 level = max_bmbt_height;
    u64 records = 0;
    for (BufferRef const& block : blocks) {
      BtreeNode<Bmbt> const node = BtreeNode<Bmbt>::of_block(block->bytes(), format_v5);
      CHECK(node.level() <= level);
      level = node.level();
      if (level == 0) records += node.count();
    }
    CHECK(records == 3000);
    CHECK(blocks.size() + records <= inode.nblocks());
  }

  TEST_CASE("each broken field of a btree block is named") {
    struct Row {
      std::string_view field;
      std::size_t block;
      std::function<void(Bytes)> change;
    };
    std::vector<Row> const rows = {
        {"magic", 0, [](Bytes b) { head(b).magic = 1; }},
        {"level", 0, [](Bytes b) { head(b).level = 14; }},
        {"level", 0, [](Bytes b) { head(b).level = 2; }},
        {"numrecs", 0, [](Bytes b) { head(b).numrecs = 252; }},
        {"numrecs", 1, [](Bytes b) { head(b).numrecs = 0; }},
        {"leftsib", 1, [](Bytes b) { head(b).leftsib = FsBlock(u64{1} << 50); }},
        {"leftsib", 2, [](Bytes b) { head(b).leftsib = null_fsblock; }},
        {"rightsib", 1, [](Bytes b) { head(b).rightsib = null_fsblock; }},
        {"bno", 1, [](Bytes b) { head(b).bno = Daddr(8); }},
        {"uuid", 1, [](Bytes b) { head(b).uuid.b[0] ^= 1; }},
        {"owner", 1, [](Bytes b) { head(b).owner = InodeNumber(131); }},
        {"lsn", 1, [](Bytes b) { head(b).lsn = Lsn(0x7fffffff, LogBlock(0)); }},
        {"startblock", 1,
         [](Bytes b) {
           Mapping m = decode_mapping(record(b, 5));
           m.start = FsBlock(u64{1} << 50);
           record(b, 5) = encode_mapping(m);
         }},
        {"blockcount", 1,
         [](Bytes b) {
           Mapping m = decode_mapping(record(b, 5));
           m.length = BlockCount(0);
           record(b, 5) = encode_mapping(m);
         }},
        {"startoff", 1, [](Bytes b) { std::swap(record(b, 5), record(b, 6)); }},
        // Not the first offset that the parent has for the block.
        {"startoff", 1,
         [](Bytes b) {
           Mapping m = decode_mapping(record(b, 0));
           m.offset = m.offset + BlockCount(1);
           m.length = BlockCount(1);
           record(b, 0) = encode_mapping(m);
           head(b).numrecs = 1;
         }},
        {"ptrs", 0,
         [](Bytes b) { edit_as<be64>(b, bmbt_shape.pointers_at(b.size())) = u64{1} << 50; }},
    };
    for (Row const& row : rows) {
      CAPTURE(row.field);
      CAPTURE(row.block);
      Error const error = collect_after_block(row.block, row.change);
      CHECK(error.code == Errc::bad_value);
      CHECK(error.structure == "bmbt block");
      CHECK(error.field == row.field);
      CHECK(error.address_kind == AddressKind::daddr);
    }
  }

  TEST_CASE("a root that cannot be is refused, and so is a count that is not") {
    auto const change_root = [](std::function<void(Bytes)> const& change) {
      return collect_after([&](BlockDevice& disk, Volume&, Inode const& inode) {
        test::patch_inode(disk, inode.number, [&](Bytes bytes) { change(bytes.subspan(176)); });
      });
    };
    CHECK(change_root([](Bytes b) { edit_as<disk::BmdrBlock>(b).level = 0; }).field == "level");
    CHECK(change_root([](Bytes b) { edit_as<disk::BmdrBlock>(b).level = 14; }).field == "level");
    CHECK(change_root([](Bytes b) { edit_as<disk::BmdrBlock>(b).numrecs = 0; }).field == "numrecs");
    CHECK(change_root([](Bytes b) { edit_as<disk::BmdrBlock>(b).numrecs = 100; }).field ==
          "numrecs");
    Error const count = collect_after([](BlockDevice& disk, Volume&, Inode const& inode) {
      test::patch_inode(disk, inode.number,
                        [](Bytes bytes) { edit_as<disk::Dinode>(bytes).nextents = 2999; });
    });
    CHECK(count.structure == "inode");
    CHECK(count.field == "nextents");
  }

  TEST_CASE("a node that leads to one leaf again and again ends in an error") {
    Error const error = collect_after_block(0, [](Bytes b) {
      std::size_t const first = bmbt_shape.pointers_at(b.size());
      edit_as<be64>(b, first + 8) = view_as<be64>(b, first).value();
    });
    CHECK(error.code == Errc::bad_value);
  }

  TEST_CASE("a mapping in the inode that points outside is located") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    InodeNumber const ino = test::ino_of(image_name, "/swap/one-a");
    test::patch_inode(*disk, ino, [](Bytes bytes) {
      disk::BmbtRecord& r = edit_as<disk::BmbtRecord>(bytes, 176);
      Mapping m = decode_mapping(r);
      m.start = FsBlock(u64{1} << 51);
      r = encode_mapping(m);
    });
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    Inode const inode = load_inode(*volume, ino).value();
    Result<std::vector<Mapping>> const mappings = collect_mappings(*volume, inode, ForkKind::data);
    REQUIRE(mappings.has_error());
    CHECK(mappings.error().field == "startblock");
    CHECK(mappings.error().owner == ino);
  }
}
