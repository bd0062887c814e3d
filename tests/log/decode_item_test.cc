#include "log/decode_item.h"

#include "disk/inode.h"
#include "log/exchange_names.h"
#include "log/log_records.h"
#include "log/open_intents.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace xfsx;
using disk::LogItemType;
using Role = LogItemPart::Role;

namespace {

using Regions = std::vector<std::vector<std::byte>>;

/// A transaction that holds one item.
LogTransaction transaction_of(Regions const& regions, u32 format = disk::log_format_linux_le) {
  test::OpsRecord made;
  made.start(1);
  for (std::vector<std::byte> const& region : regions) made.op(1, 0, region);
  made.commit(1);
  test::KeptTransactions kept;
  LogAssembler assembler(kept);
  REQUIRE(assembler.feed(made.record(40, format)));
  REQUIRE(kept.all.size() == 1);
  REQUIRE(kept.all[0].items.size() == 1);
  return std::move(kept.all[0]);
}

template <class T>
std::vector<std::byte> region_of(T const& structure) {
  ConstBytes const bytes = bytes_of(structure);
  return {bytes.begin(), bytes.end()};
}

template <class T>
T format_of(LogItemType type, u16 regions = 1) {
  T format{};
  format.type = static_cast<u16>(type);
  format.size = regions;
  return format;
}

void append(std::vector<std::byte>& to, ConstBytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

Regions efi(u64 id, u32 told, u32 there, bool narrow, LogItemType type = LogItemType::efi) {
  auto format = format_of<disk::IntentLogFormat>(type);
  format.nextents = told;
  format.id = id;
  Regions regions{region_of(format)};
  for (u32 i = 0; i < there; ++i) {
    disk::FreeExtentLog32 small{};
    small.start = FsBlock(100 + i);
    small.len = 5;
    append(regions[0], bytes_of(small));
    if (!narrow) append(regions[0], test::bytes({0, 0, 0, 0}));
  }
  return regions;
}

DecodedLogItem decoded(LogTransaction& transaction) {
  Result<DecodedLogItem> item = decode_log_item(transaction, transaction.items[0]);
  if (!item) FAIL(describe(item.error()));
  return std::move(item).value();
}

Error error_of(Regions const& regions) {
  LogTransaction transaction = transaction_of(regions);
  Result<DecodedLogItem> const item = decode_log_item(transaction, transaction.items[0]);
  REQUIRE(!item);
  CHECK(item.error().address_kind == AddressKind::log_block);
  CHECK(item.error().address == 40);
  return item.error();
}

Regions buffer_of(u32 bitmap, std::initializer_list<std::size_t> sizes) {
  auto format =
      format_of<disk::BufferLogFormat>(LogItemType::buffer, static_cast<u16>(1 + sizes.size()));
  format.len = 8;
  format.map_size = 1;
  Regions regions{region_of(format)};
  append(regions[0], bytes_of(le32(bitmap)));
  for (std::size_t const size : sizes) regions.emplace_back(size);
  return regions;
}

}  // namespace

TEST_SUITE("log items") {
  TEST_CASE("extents to be freed are told apart by their length, as 64 or 32 bits wrote them") {
    for (bool const narrow : {false, true}) {
      LogTransaction transaction = transaction_of(efi(77, 3, 3, narrow));
      DecodedLogItem const item = decoded(transaction);
      CHECK(intent_id(item) == 77);
      LogItemPart const* extents = item.part(Role::extent);
      REQUIRE(extents != nullptr);
      CHECK(extents->count == 3);
      CHECK(extents->structure == (narrow ? "log_efi_extent32" : "log_efi_extent"));
      std::size_t const step = extents->bytes.size() / 3;
      CHECK(view_as<disk::FreeExtentLog32>(extents->bytes, 2 * step).start.value() == FsBlock(102));
    }
  }

  TEST_CASE("sizes and counts that do not agree are errors that name operation and field") {
    struct Case {
      Regions regions;
      std::string_view structure, field, note;
    };
    auto inode = format_of<disk::InodeLogFormat>(LogItemType::inode, 2);
    inode.fields = disk::inode_item_field::core | disk::inode_item_field::data_local;
    disk::LogDinode core{};
    core.magic = disk::inode_magic;
    auto bad_core = core;
    bad_core.magic = 1;
    auto plain = inode;
    plain.fields = disk::inode_item_field::core;
    auto attri = format_of<disk::AttriLogFormat>(LogItemType::attri, 2);
    attri.op_flags = disk::attr_intent::remove;
    attri.name_len = 5;
    auto wide = format_of<disk::DoneLogFormat>(LogItemType::rud);
    Regions const two_buis = {[] {
      std::vector<std::byte> bytes = efi(1, 2, 0, false, LogItemType::bui)[0];
      bytes.resize(sizeof(disk::IntentLogFormat) + 2 * sizeof(disk::MapExtentLog));
      return bytes;
    }()};
    std::vector<std::byte> long_done = region_of(wide);
    long_done.resize(20);
    Case const cases[] = {
        {efi(1, 3, 2, false), "log_op", "len", "operation 2"},
        {efi(1, ~0U, 2, false), "log_op", "len", "operation 2"},
        {two_buis, "log_intent", "nextents", "operation 2"},
        {{long_done}, "log_op", "len", "operation 2"},
        {{region_of(inode), region_of(core)}, "log_inode", "size", "operation 2"},
        {{region_of(plain), region_of(bad_core)}, "log_core", "magic", "operation 3"},
        {{region_of(plain), std::vector<std::byte>(177)}, "log_op", "len", "operation 3"},
        {{region_of(attri), std::vector<std::byte>(12)}, "log_op", "len", "operation 3"},
        {buffer_of(0b0110, {128}), "log_buf", "size", "operation 2"},
        {buffer_of(0b0110, {384}), "log_op", "len", "operation 3"},
        {buffer_of(0b0110, {128, 128, 128}), "log_op", "len", "operation 5"},
    };
    for (Case const& c : cases) {
      Error const e = error_of(c.regions);
      CAPTURE(describe(e));
      CHECK(e.structure == c.structure);
      CHECK(e.field == c.field);
      CHECK(e.note.view() == c.note);
    }
    // An item of a type that nobody knows, and one that breaks off.
    CHECK(error_of({test::bytes({0x38, 0x12, 1, 0})}).field == "type");
    CHECK(error_of({region_of(inode)}).field == "size");
  }

  TEST_CASE("the chunks of a buffer lie where its bitmap says, cut or not") {
    LogTransaction transaction = transaction_of(buffer_of(0b1100'0110, {256, 128, 128}));
    DecodedLogItem const item = decoded(transaction);
    std::vector<std::pair<u32, std::size_t>> runs;
    for (LogItemPart const& part : item.parts) {
      if (part.role == Role::chunks) runs.emplace_back(part.offset, part.bytes.size());
    }
    CHECK(runs == std::vector<std::pair<u32, std::size_t>>{{128, 256}, {768, 128}, {896, 128}});
  }

  TEST_CASE("an older exchange intent is known by its length") {
    auto sxi = format_of<disk::SxiLogFormat>(LogItemType::xmi);
    sxi.blockcount = 12;
    LogTransaction transaction = transaction_of({region_of(sxi)});
    CHECK(decoded(transaction).parts[0].structure == "log_sxi");
    CHECK(decoded(transaction).name == "SXI");
  }

  TEST_CASE("the answer to an older exchange intent has a name of its own") {
    ExchangeNames names;
    auto name_of = [&](auto format, u64 id) {
      format.id = id;
      LogTransaction transaction = transaction_of({region_of(format)});
      DecodedLogItem item = decoded(transaction);
      names.settle(item);
      return std::string(item.name);
    };
    auto const sxi = format_of<disk::SxiLogFormat>(LogItemType::xmi);
    auto const xmi = format_of<disk::XmiLogFormat>(LogItemType::xmi);
    auto const done = format_of<disk::DoneLogFormat>(LogItemType::xmd);
    CHECK(name_of(done, 5) == "XMD");
    CHECK(name_of(sxi, 5) == "SXI");
    CHECK(name_of(done, 6) == "XMD");
    CHECK(name_of(done, 5) == "SXD");
    CHECK(name_of(done, 5) == "XMD");
    CHECK(name_of(sxi, 5) == "SXI");
    CHECK(name_of(xmi, 5) == "XMI");
    CHECK(name_of(done, 5) == "XMD");
  }

  TEST_CASE("what a big-endian machine wrote is turned round, field by field") {
    // type, size, count, id, then one extent: start, length, padding
    std::vector<std::byte> region = test::bytes({0x12, 0x36, 0, 1, 0, 0, 0, 1});
    append(region, test::bytes({0, 0, 0, 0, 0, 0, 3, 9}));
    append(region, test::bytes({0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 7, 0, 0, 0, 0}));
    LogTransaction transaction;
    transaction.other_order = true;
    transaction.bytes = region;
    transaction.regions = {{0, region.size(), 40, 2}};
    transaction.items = {{0x1236, 1, 0, false}};
    for (int again = 0; again < 2; ++again) {
      DecodedLogItem const item = decoded(transaction);
      CHECK(intent_id(item) == 0x309);
      auto const& extent = view_as<disk::FreeExtentLog>(item.part(Role::extent)->bytes);
      CHECK(extent.start.value() == FsBlock(0x102));
      CHECK(extent.len.value() == 7);
    }
  }

  TEST_CASE("times of a big-endian inode are two numbers, or one with bigtime") {
    for (bool const bigtime : {false, true}) {
      CAPTURE(bigtime);
      std::vector<std::byte> format(sizeof(disk::InodeLogFormat)), core(sizeof(disk::LogDinode));
      auto put = [](std::vector<std::byte>& to, std::size_t at,
                    std::initializer_list<int> numbers) {
        std::ranges::copy(test::bytes(numbers), to.begin() + static_cast<std::ptrdiff_t>(at));
      };
      put(format, 0, {0x12, 0x3b, 0, 2, 0, 0, 0, 1});
      put(core, 0, {'I', 'N'});
      put(core, 32, {0, 0, 1, 2, 0, 0, 3, 4});
      put(core, 127, {bigtime ? 8 : 0});
      LogTransaction transaction;
      transaction.other_order = true;
      transaction.bytes = format;
      append(transaction.bytes, core);
      transaction.regions = {{0, format.size(), 40, 2}, {format.size(), core.size(), 40, 3}};
      transaction.items = {{0x123b, 2, 0, false}};
      DecodedLogItem const item = decoded(transaction);
      auto const& inode = view_as<disk::LogDinode>(item.part(Role::core)->bytes);
      // Seconds are in the lower half of what a little-endian machine reads.
      CHECK(inode.atime.value() == (bigtime ? 0x102'0000'0304U : 0x304'0000'0102U));
    }
  }

  TEST_CASE("an intent is open until a done item of its own kind has its number") {
    OpenIntents open;
    auto const take = [&open](Regions const& regions) {
      LogTransaction transaction = transaction_of(regions);
      open.take(decoded(transaction), transaction);
    };
    take(efi(5, 1, 1, false));
    take(efi(5, 1, 1, false, LogItemType::efi_rt));
    auto rud = format_of<disk::DoneLogFormat>(LogItemType::rud);
    rud.id = 5;
    take({region_of(rud)});
    CHECK(open.list().size() == 2);
    take(efi(5, 1, 1, false, LogItemType::efd));
    take(efi(6, 1, 1, false, LogItemType::efd));
    REQUIRE(open.list().size() == 1);
    CHECK(open.list()[0].type == LogItemType::efi_rt);
    // Numbers are used again.
    take(efi(5, 1, 1, false));
    REQUIRE(open.list().size() == 2);
    CHECK(open.list()[1].type == LogItemType::efi);
  }

  TEST_CASE("xfs/122: what the log says of an exchange has the sizes that xfstests knows") {
    CHECK(sizeof(disk::XmiLogFormat) == 88);
    CHECK(sizeof(disk::DoneLogFormat) == 16);
    CHECK(sizeof(disk::MapExtentLog) == 32);
  }
}
