#include "log/items.h"

#include "base/view.h"
#include "disk/btree.h"
#include "disk/inode.h"

#include <doctest/doctest.h>

using namespace xfsx;

namespace {

struct TestInode {
  std::vector<std::byte> bytes = std::vector<std::byte>(512);
  disk::Dinode& core = edit_as<disk::Dinode>(bytes);

  TestInode() {
    core.magic = disk::inode_magic;
    core.version = 3;
    core.format = 2;
    core.aformat = 2;
    core.flags2 = disk::inode_flag2::bigtime;
    core.size = 0x1122334455667788;
    core.mtime = 0x0102030405060708;
    core.crc = 0xdeadbeef;
    core.next_unlinked = AgInode(5);
    core.inumber = InodeNumber(131);
    core.uuid.b[0] = 0xab;
  }
  [[nodiscard]] InodeItem item() const {
    return {InodeNumber(131), {Daddr(128), SectorCount(32), 1536}, bytes, true, true};
  }
};

disk::InodeLogFormat const& format_of(LogItem const& item) {
  return view_as<disk::InodeLogFormat>(item.regions()[0]);
}

}  // namespace

TEST_SUITE("log") {
  TEST_CASE("a buffer item has one region for each run of dirty chunks") {
    std::vector<std::byte> image(4096);
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::byte>(i / 128);
    BufferItem buffer;
    buffer.type = disk::BufferType::btree;
    buffer.address = Daddr(777);
    buffer.image = image;
    buffer.dirty.set(0);
    buffer.dirty.set_range(300, 300);
    buffer.dirty.set(31);
    LogItem item;
    make_buffer_item(item, buffer);

    REQUIRE(item.regions().size() == 4);
    auto const& format = view_as<disk::BufferLogFormat>(item.regions()[0]);
    CHECK(item.regions()[0].size() == 24);
    CHECK(format.type.value() == 0x123c);
    CHECK(format.size.value() == 4);
    CHECK(format.flags.value() == 0x2000);
    CHECK(format.len.value() == 8);
    CHECK(format.blkno.value() == Daddr(777));
    CHECK(format.map_size.value() == 1);
    CHECK(view_as<le32>(item.regions()[0], 20).value() == 0x8000001d);
    CHECK(item.regions()[2].size() == 3 * 128);
    CHECK(item.regions()[2][0] == std::byte{2});
    CHECK(item.regions()[3][0] == std::byte{31});
    CHECK(buffer_item_sizes(buffer).regions == item.sizes().regions);
    CHECK(buffer_item_sizes(buffer).bytes == item.sizes().bytes);
  }

  TEST_CASE("the largest block with every other chunk dirty fits one item") {
    std::vector<std::byte> image(65536);
    BufferItem buffer;
    buffer.image = image;
    for (u32 i = 0; i < log_max_chunks; i += 2) buffer.dirty.set(i);
    LogItem item;
    make_buffer_item(item, buffer);
    CHECK(item.regions().size() == 257);
    CHECK(view_as<disk::BufferLogFormat>(item.regions()[0]).map_size.value() == 16);
  }

  TEST_CASE("a cancel has the length of the buffer, no type and no data") {
    LogItem item;
    make_cancel_item(item, Daddr(64), SectorCount(8));
    REQUIRE(item.regions().size() == 1);
    auto const& format = view_as<disk::BufferLogFormat>(item.regions()[0]);
    CHECK(format.size.value() == 1);
    CHECK(format.flags.value() == 2);
    CHECK(format.len.value() == 8);
    CHECK(item.regions()[0].size() == 24);
  }

  TEST_CASE("the logged core is little-endian and says nothing of the unlinked list") {
    TestInode inode;
    LogItem item;
    REQUIRE(make_inode_item(item, inode.item()));

    REQUIRE(item.regions().size() == 2);
    CHECK(format_of(item).fields.value() == 1);
    CHECK(format_of(item).size.value() == 2);
    CHECK(format_of(item).ino.value() == InodeNumber(131));
    CHECK(format_of(item).blkno.value() == Daddr(128));
    CHECK(format_of(item).len.value() == 32);
    CHECK(format_of(item).boffset.value() == 1536);
    ConstBytes const core = item.regions()[1];
    REQUIRE(core.size() == 176);
    CHECK(view_as<le16>(core, 0).value() == 0x494e);
    CHECK(view_as<le64>(core, 56).value() == 0x1122334455667788);
    CHECK(view_as<le64>(core, 40).value() == 0x0102030405060708);
    CHECK(view_as<le32>(core, 96).value() == 0xffffffff);
    CHECK(view_as<le32>(core, 100).value() == 0);
    CHECK(view_as<le64>(core, 152).value() == 131);
    CHECK(core[160] == std::byte{0xab});
    // The inode itself is untouched.
    CHECK(inode.core.next_unlinked.value() == AgInode(5));
  }

  TEST_CASE("a time without BIGTIME is two numbers") {
    TestInode inode;
    inode.core.flags2 = 0;
    LogItem item;
    REQUIRE(make_inode_item(item, inode.item()));
    CHECK(view_as<le32>(item.regions()[1], 40).value() == 0x01020304);
    CHECK(view_as<le32>(item.regions()[1], 44).value() == 0x05060708);
  }

  TEST_CASE("extents are logged as they lie on disk, as many as the inode counts") {
    TestInode inode;
    inode.core.nextents = 3;
    inode.bytes[176] = std::byte{0x12};
    LogItem item;
    REQUIRE(make_inode_item(item, inode.item()));
    REQUIRE(item.regions().size() == 3);
    CHECK(item.regions()[2].size() == 48);
    CHECK(item.regions()[2][0] == std::byte{0x12});
    CHECK(format_of(item).fields.value() ==
          (disk::inode_item_field::core | disk::inode_item_field::data_extents));
    CHECK(format_of(item).dsize.value() == 48);

    SUBCASE("with large counters from their own place") {
      inode.core.flags2 = disk::inode_flag2::bigtime | disk::inode_flag2::nrext64;
      inode.core.nrext64_nextents = 2;
      inode.core.nextents = 1;
      inode.core.forkoff = 24;
      REQUIRE(make_inode_item(item, inode.item()));
      CHECK(item.regions()[2].size() == 32);
      CHECK(item.regions()[3].size() == 16);
      CHECK(view_as<le64>(item.regions()[1], 24).value() == 2);
      CHECK(view_as<le32>(item.regions()[1], 76).value() == 1);
    }
    SUBCASE("but not more than the fork holds") {
      inode.core.nextents = 22;
      Result<void> const made = make_inode_item(item, inode.item());
      REQUIRE(made.has_error());
      CHECK(made.error().field == "nextents");
      CHECK(made.error().address == 131);
      CHECK(made.error().expected.number == 21);
    }
    SUBCASE("and not at all if the caller leaves the fork out") {
      InodeItem request = inode.item();
      request.data_fork = false;
      REQUIRE(make_inode_item(item, request));
      CHECK(item.regions().size() == 2);
    }
  }

  TEST_CASE("a local fork is padded to 4 bytes, its true length stands in the format") {
    TestInode inode;
    inode.core.format = 1;
    inode.core.size = 18;
    inode.core.forkoff = 40;
    inode.core.aformat = 1;
    edit_as<be16>(inode.bytes, 176 + 320) = 16;
    inode.bytes[176 + 18] = std::byte{0x77};
    LogItem item;
    REQUIRE(make_inode_item(item, inode.item()));
    CHECK(format_of(item).fields.value() == (1 | 2 | 0x40));
    CHECK(format_of(item).dsize.value() == 18);
    CHECK(format_of(item).asize.value() == 16);
    CHECK(item.regions()[2].size() == 20);
    CHECK(item.regions()[2][18] == std::byte{0});
    CHECK(item.regions()[3].size() == 16);

    inode.core.size = 321;
    REQUIRE(make_inode_item(item, inode.item()).has_error());
  }

  TEST_CASE("a btree root gets the header of a block and its pointers behind the keys in use") {
    TestInode inode;
    inode.core.format = 3;
    inode.core.forkoff = 24;
    auto& root = edit_as<disk::BmdrBlock>(inode.bytes, 176);
    root.level = 2;
    root.numrecs = 2;
    // A fork of 192 bytes has room for 11 entries.
    edit_as<be64>(inode.bytes, 176 + 4 + 8) = 1234;
    edit_as<be64>(inode.bytes, 176 + 4 + 88) = 55;
    edit_as<be64>(inode.bytes, 176 + 4 + 96) = 56;
    LogItem item;
    REQUIRE(make_inode_item(item, inode.item()));
    REQUIRE(item.regions().size() == 3);
    ConstBytes const region = item.regions()[2];
    REQUIRE(region.size() == 72 + 32);
    CHECK(format_of(item).dsize.value() == 104);
    auto const& block = view_as<disk::BtreeLongBlock>(region);
    CHECK(block.magic.value() == disk::bmbt_magic);
    CHECK(block.level.value() == 2);
    CHECK(block.leftsib.value() == null_fsblock);
    CHECK(block.bno.raw() == ~u64{0});
    CHECK(block.owner.value() == InodeNumber(131));
    CHECK(block.uuid.b[0] == 0xab);
    CHECK(view_as<be64>(region, 72 + 8).value() == 1234);
    CHECK(view_as<be64>(region, 72 + 16).value() == 55);
    CHECK(view_as<be64>(region, 72 + 24).value() == 56);

    root.numrecs = 12;
    CHECK(make_inode_item(item, inode.item()).has_error());
  }

  TEST_CASE("a device number goes into the format in the order of the processor") {
    TestInode inode;
    inode.core.format = 0;
    edit_as<be32>(inode.bytes, 176) = 0x00100003;
    LogItem item;
    REQUIRE(make_inode_item(item, inode.item()));
    CHECK(format_of(item).fields.value() == (1 | 0x10));
    CHECK(view_as<le32>(item.regions()[0], 24).value() == 0x00100003);
    CHECK(item.regions().size() == 2);
  }
}
