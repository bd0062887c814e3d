#include "log/composed_item.h"

#include "base/view.h"
#include "disk/inode.h"
#include "log/log_records.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

using namespace xfsx;

namespace {

/// The item as the decoder sees it when a machine of the other byte order has written it.
struct Turned {
  LogTransaction transaction;
  LogItemRegions regions;
  DecodedLogItem decoded;

  explicit Turned(ComposedItem const& item) {
    transaction.other_order = true;
    for (auto const& bytes : item.in_other_order()) {
      transaction.regions.push_back({transaction.bytes.size(), bytes.size(), 7, 0});
      transaction.bytes.insert(transaction.bytes.end(), bytes.begin(), bytes.end());
    }
    regions.type = item.type();
    regions.regions = static_cast<u16>(item.regions().size());
    Result<DecodedLogItem> found = decode_log_item(transaction, regions);
    REQUIRE_MESSAGE(found.has_value(), describe(found.error()));
    decoded = std::move(found.value());
  }
  [[nodiscard]] std::vector<std::vector<std::byte>> all() const {
    return ComposedItem::copy_of(transaction, regions, decoded).regions();
  }
};

void check_round(ComposedItem const& item) {
  CHECK(item.in_other_order() != item.regions());
  CHECK(Turned(item).all() == item.regions());
}

disk::AttriLogFormat attri(u32 op, u32 name_len, u32 value_len) {
  disk::AttriLogFormat format{};
  format.id = 0x1122334455667788;
  format.ino = InodeNumber(131);
  format.op_flags = op;
  format.name_len = name_len;
  format.value_len = value_len;
  return format;
}

}  // namespace

TEST_SUITE("log") {
  TEST_CASE("fields of composed items go by their published names") {
    ComposedItem item = ComposedItem::named("XMI").value();
    CHECK(item.regions().front().size() == 88);
    REQUIRE(item.set("log_xmi.blockcount", 0x1122334455667788));
    REQUIRE(item.set("log_xmi.igen2", 0xffffffff));
    auto const& format = view_as<disk::XmiLogFormat>(item.regions().front());
    CHECK(format.type.value() == 0x1248);
    CHECK(format.size.value() == 1);
    CHECK(format.blockcount.value() == 0x1122334455667788);
    CHECK(format.igen2.value() == 0xffffffff);
    CHECK(item.get("log_xmi.igen2").value() == 0xffffffff);
    CHECK(item.has("log_xmi"));
    CHECK(!item.has("log_sxi"));
    for (char const* const wrong :
         {"log_xmi", "log_xmi.none", "log_sxi.flags", "log_xmi[1].flags", "log_xmi.flags[1]",
          "log_xmi[x].flags", "log_xmi[0.flags", ".", ""}) {
      CAPTURE(wrong);
      CHECK(item.set(wrong, 1).has_error());
      CHECK(item.get(wrong).has_error());
    }
    CHECK(item.set("log_xmi.igen2", u64{1} << 32).has_error());
    CHECK(ComposedItem::named("XMJ").has_error());
  }

  TEST_CASE("extents of an intent are counted, big-endian fields are set as such") {
    ComposedItem rui = ComposedItem::named("RUI", 3).value();
    CHECK(rui.regions().front().size() == 16 + 3 * 32);
    CHECK(rui.get("log_intent.nextents").value() == 3);
    REQUIRE(rui.set("log_map_extent[2].len", 9));
    CHECK(view_as<disk::MapExtentLog>(rui.regions().front(), 16 + 2 * 32).len.value() == 9);
    CHECK(rui.set("log_map_extent[3].len", 9).has_error());

    ComposedItem icreate = ComposedItem::named("icreate").value();
    REQUIRE(icreate.set("log_icreate.agbno", 0x01020304));
    CHECK(view_as<disk::IcreateLogFormat>(icreate.regions().front()).agbno.value().raw() ==
          0x01020304);
    CHECK(icreate.get("log_icreate.agbno").value() == 0x01020304);
    ComposedItem const efd = ComposedItem::named("EFD", 2).value();
    CHECK(efd.type() == 0x1237);
    CHECK(efd.regions().front().size() == 16 + 2 * 16);
  }

  TEST_CASE("every item by name is one that decodes") {
    for (std::string_view const name :
         {"EFI",    "EFD",    "RUI",    "RUD",     "CUI",      "CUD",    "BUI",    "BUD",
          "ATTRD",  "XMI",    "SXI",    "XMD",     "SXD",      "EFI_RT", "EFD_RT", "RUI_RT",
          "RUD_RT", "CUI_RT", "CUD_RT", "icreate", "quotaoff", "dquot",  "inode",  "buffer"}) {
      CAPTURE(name);
      ComposedItem item = ComposedItem::named(name).value();
      if (name == "buffer") {
        REQUIRE(item.set("log_buf.len", 8));
      }
      if (name == "inode") {
        // A core alone.
        REQUIRE(item.set("log_inode.fields", 1));
      }
      Turned const turned(item);
      std::string_view const expected = name == "SXD" ? std::string_view("XMD") : name;
      CHECK(turned.decoded.name == expected);
      CHECK(turned.all() == item.regions());
    }
  }

  TEST_CASE("intents turned into the other byte order are read back") {
    disk::FreeExtentLog extents[2]{};
    extents[0].start = FsBlock(0x0102030405);
    extents[1].len = 77;
    check_round(compose_list<disk::FreeExtentLog>(disk::LogItemType::efi, 5, extents));
    check_round(compose_done(disk::LogItemType::rud, 0xabcdef0123));
    disk::XmiLogFormat xmi{};
    xmi.id = 3;
    xmi.igen1 = 0x01020304;
    xmi.isize2 = 12345;
    ComposedItem const item = compose_exchange(xmi);
    check_round(item);

    ComposedItem const sxi = as_sxi(item).value();
    CHECK(sxi.regions().front().size() == 80);
    CHECK(sxi.get("log_sxi.isize2").value() == 12345);
    CHECK(Turned(sxi).decoded.name == "SXI");
    check_round(sxi);
    CHECK(as_sxi(sxi).has_error());
  }

  TEST_CASE("two names of an attribute intent have two lengths in one field") {
    std::vector<std::byte> const name = test::bytes({'o', 'l', 'd', 'e', 'r'});
    std::vector<std::byte> const other = test::bytes({'n', 'e', 'w'});
    std::vector<std::byte> const value(12, std::byte{9});
    ConstBytes const texts[] = {name, other, value, value};
    u32 const lengths = 5 | 3 << 16;
    ComposedItem const replace =
        compose_attri(attri(disk::attr_intent::parent_replace, lengths, 12), texts);
    CHECK(replace.regions()[1].size() == 8);
    auto const turned = replace.in_other_order();
    // Each of them big-endian, the first still first.
    CHECK(std::ranges::equal(ConstBytes(turned[0]).subspan(28, 4), test::bytes({0, 5, 0, 3})));
    CHECK(turned[1] == replace.regions()[1]);
    check_round(replace);
    check_round(compose_attri(attri(disk::attr_intent::set, 5, 12),
                              std::array<ConstBytes, 2>{name, value}));
  }

  TEST_CASE("of a buffer the bitmap is turned, and not what is in it") {
    std::vector<std::byte> image(32768, std::byte{0x5a});
    BufferItem buffer;
    buffer.type = disk::BufferType::dir_data;
    buffer.address = Daddr(0x123456);
    buffer.image = image;
    buffer.dirty.set(1);
    buffer.dirty.set(200);
    ComposedItem const item = compose_buffer(buffer);
    auto const turned = item.in_other_order();
    CHECK(turned[1] == item.regions()[1]);
    CHECK(std::ranges::equal(ConstBytes(turned[0]).subspan(20, 4), test::bytes({0, 0, 0, 2})));
    check_round(item);
    check_round(compose_cancel(Daddr(77), SectorCount(8)));
  }

  TEST_CASE("times of an inode are turned as one number or as two") {
    for (bool const bigtime : {false, true}) {
      std::vector<std::byte> bytes(512);
      auto& core = edit_as<disk::Dinode>(bytes);
      core.magic = disk::inode_magic;
      core.version = 3;
      core.format = 2;
      core.aformat = 2;
      core.flags2 = bigtime ? disk::inode_flag2::bigtime : 0;
      core.mtime = 0x0102030405060708;
      ComposedItem const item =
          compose_inode({InodeNumber(131), {Daddr(128), SectorCount(32), 1536}, bytes}).value();
      auto const turned = item.in_other_order();
      // The other order is that of the disk.
      CHECK(view_as<disk::Dinode>(turned[1]).mtime.value() == 0x0102030405060708);
      CHECK(view_as<disk::Dinode>(turned[1]).magic.value() == disk::inode_magic);
      check_round(item);
    }
  }
}
