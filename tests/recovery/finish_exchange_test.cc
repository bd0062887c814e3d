// Exchanges that were cut off, made by hand over clean images, finished, and judged by xfs_repair
// and by what the files then hold.

#include "recovery/desk.h"

#include "disk/superblock.h"
#include "format/features.h"
#include "format/quota.h"
#include "format/verify_ag.h"
#include "quota/dquot_file.h"
#include "support/patch.h"
#include "support/results.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::test;

namespace flag = disk::exchange_intent;

/// The image says that exchanges may be found in its log; so do all its superblocks.
void allow_exchange(MemoryDevice& disk) {
  Geometry const geometry = Volume::open(disk).value()->geometry();
  for (u32 ag = 0; ag < geometry.ag_count(); ++ag) {
    Daddr const at = geometry.ag_header(AgNumber(ag), 0);
    patch_block(disk, superblock_kind, at, geometry.sector_size(), [](Bytes bytes) {
      auto& sb = edit_as<disk::Superblock>(bytes);
      sb.features_incompat = sb.features_incompat.value() | incompat::exchrange;
    });
  }
}

struct Files {
  std::string first, second;
};

Intent xmi(Desk& desk, Files const& files, ExchangeIntent work) {
  Inode const first = desk.inode(files.first);
  Inode const second = desk.inode(files.second);
  work.inode1 = first.number;
  work.inode2 = second.number;
  work.has_generations = true;
  work.generation1 = first.generation();
  work.generation2 = second.generation();
  Intent intent;
  intent.type = disk::LogItemType::xmi;
  intent.name = "XMI";
  intent.work = work;
  return intent;
}

ExchangeIntent blocks(u64 start, u64 length, u64 flags = 0) {
  ExchangeIntent work;
  work.start1 = work.start2 = FileBlock(start);
  work.length = BlockCount(length);
  work.flags = flags;
  work.size1 = work.size2 = ~u64{0};
  return work;
}

ExchangeIntent to_eof(Desk& desk, Files const& files, ExchangeIntent work) {
  work.flags |= flag::set_sizes;
  work.size1 = desk.inode(files.second).size();
  work.size2 = desk.inode(files.first).size();
  return work;
}

/// Both files hold what the other one held.
void check_changed_places(Desk& desk, std::string const& image, Files const& files) {
  std::unique_ptr<MemoryDevice> const old = test::image(image);
  std::unique_ptr<MemoryDevice> const now = desk.result();
  CHECK(contents(*now, files.first) == contents(*old, files.second));
  CHECK(contents(*now, files.second) == contents(*old, files.first));
}

}  // namespace

TEST_SUITE("recovery") {
  TEST_CASE("an exchange goes on from where it had come to") {
    for (std::string const image : {"debian12", "rmapbt", "trees", "nrext64"}) {
      CAPTURE(image);
      Files const files{"/swap/range-a", "/swap/range-b"};
      Desk desk(image, allow_exchange);
      must(desk.finish({xmi(desk, files, blocks(0, 13))}));
      desk.judge();
      must(desk.finish({xmi(desk, files, blocks(13, 19))}));
      check_changed_places(desk, image, files);
      desk.judge();
    }
  }

  TEST_CASE("files of different sizes end as the intent says") {
    for (std::string const image : {"debian12", "rmapbt"}) {
      for (Files const& files :
           {Files{"/swap/twenty-a", "/swap/twenty-b"}, Files{"/swap/one-b", "/swap/twenty-b"},
            Files{"/swap/empty", "/swap/one-a"}}) {
        CAPTURE(image);
        CAPTURE(files.first);
        for (u64 const done : {u64{0}, u64{4}, u64{20}}) {
          Desk desk(image, allow_exchange);
          ExchangeIntent const rest = to_eof(desk, files, blocks(done, 31 - done));
          if (done != 0) must(desk.finish({xmi(desk, files, blocks(0, done))}));
          must(desk.finish({xmi(desk, files, rest)}));
          check_changed_places(desk, image, files);
          desk.judge();
        }
      }
    }
  }

  TEST_CASE("long lists of mappings in trees change places") {
    for (std::string const image : {"debian12", "block1k", "nrext64"}) {
      CAPTURE(image);
      Files const files{"/swap/many-a", "/swap/many-b"};
      Desk desk(image, allow_exchange);
      ExchangeIntent const rest = to_eof(desk, files, blocks(0, u64{1} << 30));
      must(desk.finish({xmi(desk, files, rest)}));
      check_changed_places(desk, image, files);
      desk.judge();
    }
  }

  TEST_CASE("flags that say that blocks are shared go where none are") {
    Files const files{"/swap/shared-a", "/swap/shared-b"};
    for (std::string const image : {"debian12", "rmapbt"}) {
      CAPTURE(image);
      Desk desk(image, allow_exchange);
      must(desk.finish({xmi(desk, files, to_eof(desk, files, blocks(0, 5)))}));
      CHECK(desk.inode(files.first).is_reflink());
      CHECK(desk.inode(files.second).is_reflink());
      // Nothing is left to exchange, and one flag is cleared without reason.
      must(desk.finish(
          {xmi(desk, files, blocks(0, 0, flag::clear_reflink1 | flag::clear_reflink2))}));
      CHECK(!desk.inode(files.first).is_reflink());
      CHECK(desk.inode(files.second).is_reflink());
      check_changed_places(desk, image, files);
      desk.judge();
    }
  }

  TEST_CASE("where the first file has no written blocks, nothing moves") {
    Files const files{"/swap/mixed-b", "/swap/twenty-a"};
    Desk desk("rmapbt", allow_exchange);
    std::unique_ptr<MemoryDevice> const old = test::image("rmapbt");
    must(desk.finish({xmi(desk, files, blocks(0, 9, flag::written_only))}));
    std::vector<std::byte> first = contents(*old, files.first);
    std::vector<std::byte> second = contents(*old, files.second);
    std::swap_ranges(first.begin() + 4096, first.begin() + 3 * 4096, second.begin() + 4096);
    std::unique_ptr<MemoryDevice> const now = desk.result();
    CHECK(contents(*now, files.first) == first);
    CHECK(contents(*now, files.second) == second);
    desk.judge();
  }

  TEST_CASE("what quota counts follows blocks that change owners, whatever the limits") {
    Files const files{"/swap/one-a", "/swap/one-b"};
    Desk desk("quota", allow_exchange);
    auto const counted = [&](u32 user) {
      Transaction txn(desk.volume());
      DquotFile const file = DquotFile::open(desk.volume(), quota_forms[0]).value().value();
      Bytes const record = file.edit(txn, user).value().value();
      return static_cast<s64>(view_as<disk::Dquot>(record).bcount.value());
    };
    auto const blocks_of = [&](std::string const& path) {
      return static_cast<s64>(desk.inode(path).nblocks());
    };
    REQUIRE(quota_forms[0].kind == QuotaKind::user);
    u32 const user1 = desk.inode(files.first).core().uid.value();
    u32 const user2 = desk.inode(files.second).core().uid.value();
    REQUIRE(user1 != user2);
    s64 const rest1 = counted(user1) - blocks_of(files.first);
    s64 const rest2 = counted(user2) - blocks_of(files.second);
    must(desk.finish({xmi(desk, files, to_eof(desk, files, blocks(0, 7)))}));
    CHECK(counted(user1) - blocks_of(files.first) == rest1);
    CHECK(counted(user2) - blocks_of(files.second) == rest2);
    desk.judge();
  }

  TEST_CASE("ranges of one file change places") {
    Files const files{"/swap/range-a", "/swap/range-a"};
    Desk desk("rmapbt", allow_exchange);
    ExchangeIntent work = blocks(1, 9);
    work.start2 = FileBlock(17);
    must(desk.finish({xmi(desk, files, work)}));
    std::vector<std::byte> want = contents(*test::image("rmapbt"), files.first);
    std::swap_ranges(want.begin() + 4096, want.begin() + 10 * 4096, want.begin() + 17 * 4096);
    CHECK(contents(*desk.result(), files.first) == want);
    desk.judge();
  }

  TEST_CASE("exchanges of files that are others by now, or cannot be meant, are refused") {
    Files const files{"/swap/range-a", "/swap/range-b"};
    Desk desk("rmapbt", allow_exchange);
    auto const refused = [&](Intent const& intent, std::string_view field) {
      Result<void> const done = desk.finish({intent});
      REQUIRE(done.has_error());
      CHECK(done.error().structure == "log_xmi");
      CHECK(done.error().field == field);
    };
    Intent other = xmi(desk, files, blocks(0, 4));
    ++std::get<ExchangeIntent>(other.work).generation2;
    refused(other, "igen2");
    refused(xmi(desk, files, blocks(0, 4, 0x20)), "flags");
    refused(xmi(desk, files, blocks(u64{1} << 60, 4)), "startoff");
    refused(xmi(desk, files, blocks(0, ~u64{0})), "startoff");
    refused(xmi(desk, files, blocks(0, 4, flag::set_sizes)), "isize1");
    refused(xmi(desk, {files.first, files.first}, blocks(0, 4)), "startoff2");
    refused(xmi(desk, {files.first, "/swap"}, blocks(0, 4, flag::attr_fork)), "inode1");
    Desk plain("rmapbt");
    CHECK(plain.finish({xmi(plain, files, blocks(0, 4))}).error().field == "type");
  }
}
