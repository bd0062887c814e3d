// Counts of quota files that follow blocks. That a recount says the same, Linux and xfs_repair say
// (tests/fstests/test_generic_709.py).

#include "quota/move.h"

#include "base/crc32c.h"
#include "crash/operation.h"
#include "disk/inode.h"
#include "format/verify_ag.h"
#include "support/patch.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>

#include <map>

namespace {

using namespace xfsx;

std::string const image_name = "quota";
// Three and seven blocks: of users 0 and 1000, groups 0 and 100, both of project 0.
std::string const small = "/swap/one-a", large = "/swap/one-b";

/// The mappings of a quota file on the disk.
std::vector<Mapping> mappings_of(Volume& volume, QuotaForm const& form) {
  SectorCount const sector(volume.geometry().sector_size() / basic_block_size);
  BufferRef const sb = volume.cache().load(superblock_kind, Daddr(0), sector).value();
  InodeNumber const file = (view_as<disk::Superblock>(sb->bytes()).*form.file).value();
  return collect_mappings(volume, load_inode(volume, file).value(), ForkKind::data).value();
}

/// Where the dquot of an id lies on the disk.
u64 place_of(BlockDevice& disk, QuotaForm const& form, u32 id) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  Geometry const& g = volume->geometry();
  DquotPlace const place = dquot_place(g, id);
  std::vector<Mapping> const mappings = mappings_of(*volume, form);
  for (Mapping const& m : mappings) {
    if (place.block < m.offset || m.end() <= place.block) continue;
    Daddr const at = g.daddr(m.start + (place.block - m.offset));
    return at.raw() * basic_block_size + place.offset;
  }
  throw std::out_of_range("no such dquot");
}

disk::Dquot dquot_of(BlockDevice& disk, QuotaKind kind, u32 id) {
  std::vector<std::byte> const record =
      test::read_bytes(disk, place_of(disk, quota_form(kind), id), sizeof(disk::DquotRecord));
  CHECK(crc32c_matches(record, offsetof(disk::DquotRecord, crc)));
  return view_as<disk::Dquot>(record);
}

void patch_dquot(BlockDevice& disk, QuotaKind kind, u32 id,
                 std::function<void(disk::Dquot&)> const& change) {
  u64 const at = place_of(disk, quota_form(kind), id);
  std::vector<std::byte> record = test::read_bytes(disk, at, sizeof(disk::DquotRecord));
  change(edit_as<disk::Dquot>(record));
  crc32c_stamp(record, offsetof(disk::DquotRecord, crc));
  test::write_bytes(disk, at, record);
}

/// All counts of blocks that the quota files hold, by kind and id.
std::map<std::pair<QuotaKind, u32>, u64> counts_of(BlockDevice& disk) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  Geometry const& g = volume->geometry();
  std::map<std::pair<QuotaKind, u32>, u64> counts;
  for (QuotaForm const& form : quota_forms) {
    std::vector<Mapping> const mappings = mappings_of(*volume, form);
    for (Mapping const& m : mappings) {
      REQUIRE(m.length == BlockCount(1));
      BufferRef const block =
          volume->cache().load(*form.block, g.daddr(m.start), g.sectors(m.length)).value();
      for (u32 i = 0; i < dquots_per_block(g); ++i) {
        auto const& d = view_as<disk::Dquot>(block->bytes(), i * sizeof(disk::DquotRecord));
        // The last block ends with records beyond the last id, which begin anew at 0.
        counts.try_emplace({form.kind, d.id.value()}, d.bcount.value());
      }
    }
  }
  return counts;
}

u16 qflags_of(BlockDevice& disk) {
  return view_as<disk::Superblock>(test::read_bytes(disk, 0, 512)).qflags.value();
}

void clear_qflags(BlockDevice& disk, u16 bits) {
  test::patch_block(disk, superblock_kind, Daddr(0), 512, [&](Bytes sector) {
    be16& flags = edit_as<disk::Superblock>(sector).qflags;
    flags = static_cast<u16>(flags.value() & ~bits);
  });
}

Result<ExchangeReport> exchange(BlockDevice& disk, std::string const& first = small,
                                std::string const& second = large) {
  return test::exchange_files(disk, {image_name, first, second, {}, false});
}

bool done(Result<ExchangeReport> const& result) {
  INFO((result ? "" : describe(result.error())));
  CHECK(result);
  return result.has_value();
}

/// Refused, and not a byte has changed.
Error refused(MemoryDevice& disk, std::string const& first = small,
              std::string const& second = large) {
  std::vector<std::byte> const before = test::read_bytes(disk, 0, disk.info().size);
  u64 const writes = disk.stats().writes;
  Result<ExchangeReport> const result = exchange(disk, first, second);
  REQUIRE_FALSE(result);
  CHECK(test::read_bytes(disk, 0, disk.info().size) == before);
  CHECK(disk.stats().writes == writes);
  return result.error();
}

}  // namespace

TEST_SUITE("quota") {
  TEST_CASE("counts of both owners follow the blocks, and no others") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    auto counts = counts_of(*disk);
    u16 const flags = qflags_of(*disk);
    Result<ExchangeReport> const result = exchange(*disk);
    REQUIRE(done(result));
    CHECK_FALSE(result.value().plan.clears_quota_checked);
    CHECK(qflags_of(*disk) == flags);
    counts[{QuotaKind::user, 0}] += 4;
    counts[{QuotaKind::user, 1000}] -= 4;
    counts[{QuotaKind::group, 0}] += 4;
    counts[{QuotaKind::group, 100}] -= 4;
    CHECK(counts_of(*disk) == counts);
    REQUIRE(done(exchange(*disk, large, small)));
    CHECK(counts_of(*disk) == counts_of(*test::image(image_name)));
  }

  TEST_CASE("a range moves what of it has blocks") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    auto counts = counts_of(*disk);
    std::unique_ptr<Filesystem> const fs = Filesystem::open(*disk).value();
    ExchangeRequest request;
    request.file1 = fs->resolve("/swap/mixed-a").value();
    request.file2 = fs->resolve("/quota/of-1002").value();
    request.range = ExchangeRange{4 * 4096, 0, 4 * 4096};
    request.now = {1'900'000'000, 0};
    ExchangePlan const plan = fs->exchange(request).value().plan;
    u64 const lost = plan.file2.blocks_before - plan.file2.blocks_after;
    REQUIRE(lost == 2);
    counts[{QuotaKind::user, 0}] += lost;
    counts[{QuotaKind::user, 1002}] -= lost;
    counts[{QuotaKind::group, 0}] += lost;
    counts[{QuotaKind::group, 1035}] -= lost;
    CHECK(counts_of(*disk) == counts);
  }

  TEST_CASE("what is not checked, or not counted, is left alone") {
    for (u16 const bits : {quota_flag::group_checked, quota_flag::group_accounted}) {
      std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
      clear_qflags(*disk, bits);
      u16 const flags = qflags_of(*disk);
      auto counts = counts_of(*disk);
      Result<ExchangeReport> const result = exchange(*disk);
      REQUIRE(done(result));
      CHECK_FALSE(result.value().plan.clears_quota_checked);
      CHECK(qflags_of(*disk) == flags);
      counts[{QuotaKind::user, 0}] += 4;
      counts[{QuotaKind::user, 1000}] -= 4;
      CHECK(counts_of(*disk) == counts);
    }
  }

  TEST_CASE("an owner without a dquot asks for a recount of this kind alone") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    test::patch_inode(*disk, test::ino_of(image_name, large),
                      [](Bytes inode) { edit_as<disk::Dinode>(inode).uid = 5'000'000; });
    u16 const flags = qflags_of(*disk);
    auto counts = counts_of(*disk);
    Result<ExchangeReport> const result = exchange(*disk);
    REQUIRE(done(result));
    CHECK(result.value().plan.clears_quota_checked);
    CHECK(qflags_of(*disk) == (flags & ~quota_flag::user_checked));
    counts[{QuotaKind::group, 0}] += 4;
    counts[{QuotaKind::group, 100}] -= 4;
    CHECK(counts_of(*disk) == counts);
  }

  TEST_CASE("so does a count below what leaves it") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    patch_dquot(*disk, QuotaKind::user, 1000, [](disk::Dquot& d) { d.bcount = u64{3}; });
    u16 const flags = qflags_of(*disk);
    auto const counts = counts_of(*disk);
    Result<ExchangeReport> const result = exchange(*disk);
    REQUIRE(done(result));
    CHECK(result.value().plan.clears_quota_checked);
    CHECK(qflags_of(*disk) == (flags & ~quota_flag::user_checked));
    CHECK(counts_of(*disk).at({QuotaKind::user, 0}) == counts.at({QuotaKind::user, 0}));
  }

  TEST_CASE("a hard limit that would be exceeded refuses, before all") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    patch_dquot(*disk, QuotaKind::user, 1000,
                [](disk::Dquot& d) { d.blk_hardlimit = d.bcount.value() + 3; });
    // 1000 gains where its file is the smaller one.
    REQUIRE(done(exchange(*disk)));
    patch_dquot(*disk, QuotaKind::user, 1000,
                [](disk::Dquot& d) { d.blk_hardlimit = d.bcount.value() + 3; });
    std::unique_ptr<MemoryDevice> const again = disk->snapshot();
    Error const e = refused(*again);
    CHECK(e.errno_class == EDQUOT);
    CHECK(e.operand == 2);
    CHECK(describe(e) ==
          "FILE2: dquot: field blk_hardlimit: found 12, expected at most 11: a hard limit would be "
          "exceeded: user 1000 [EDQUOT]");
    clear_qflags(*again, quota_flag::user_enforced);
    CHECK(done(exchange(*again)));
  }

  TEST_CASE("id 0 has no limits, and its record has those of others") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    patch_dquot(*disk, QuotaKind::user, 0, [](disk::Dquot& d) { d.blk_hardlimit = u64{20}; });
    REQUIRE(done(exchange(*disk)));
    // 7 has twenty blocks in one file.
    Error const e = refused(*disk->snapshot(), "/swap/twenty-a", "/swap/range-a");
    CHECK(e.field == "blk_hardlimit");
    CHECK(e.note.view() == "user 7");
    CHECK(e.operand == 1);
  }

  TEST_CASE("a soft limit whose grace is over refuses, one whose grace is not starts a timer") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    // The timer of 1001 ran out before the moment of these exchanges.
    Error const e = refused(*disk->snapshot(), "/quota/of-1001", "/quota/of-1002");
    CHECK(e.field == "blk_softlimit");
    CHECK(e.note.view() == "user 1001");
    patch_dquot(*disk, QuotaKind::user, 1001, [](disk::Dquot& d) {
      d.blk_softlimit = d.bcount.value();
      d.btimer = 0;
    });
    REQUIRE(done(exchange(*disk, "/quota/of-1001", "/quota/of-1002")));
    disk::Dquot const d = dquot_of(*disk, QuotaKind::user, 1001);
    // Three days are granted; units of four seconds.
    CHECK(d.btimer.value() == (1'900'000'000 + 259'200) / 4);
    CHECK(dquot_of(*disk, QuotaKind::user, 1002).blk_hardlimit.value() == 15360);
  }

  TEST_CASE("a damaged dquot is an error, unless nothing is counted there") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    u64 const at = place_of(*disk, quota_form(QuotaKind::group), 100);
    std::vector<std::byte> record = test::read_bytes(*disk, at, sizeof(disk::DquotRecord));
    record[50] ^= std::byte{1};
    test::write_bytes(*disk, at, record);
    Error const e = refused(*disk->snapshot());
    CHECK(e.code == Errc::bad_crc);
    CHECK(e.structure == "dquot block");
    CHECK(done(exchange(*disk, "/swap/range-a", "/swap/range-b")));
    clear_qflags(*disk, quota_flag::group_checked);
    CHECK(done(exchange(*disk)));
  }

  TEST_CASE("the file of another kind is no quota file of this one") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    test::patch_block(*disk, superblock_kind, Daddr(0), 512, [&](Bytes sector) {
      auto& sb = edit_as<disk::Superblock>(sector);
      sb.uquotino = sb.gquotino.value();
    });
    Error const e = refused(*disk);
    CHECK(e.structure == "dquot block");
    CHECK(e.field == "type");
  }

  TEST_CASE("an owner of both files gains and loses the sum") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    Transaction txn(*volume);
    QuotaChange const changes[] = {{{1000, 100, 0}, {7, 0}}, {{1000, 1000, 0}, {-5, 3}}};
    CHECK_FALSE(move_quota(txn, changes, {1'900'000'000, 0}).value());
    auto const found = [&](QuotaKind kind, u32 id) {
      u64 const at = place_of(*disk, quota_form(kind), id);
      u64 const block = at / 4096 * 4096;
      ConstBytes const copy = txn.blocks().at(block / basic_block_size).copy->bytes();
      auto const& d = view_as<disk::Dquot>(copy, at - block);
      disk::Dquot const before = dquot_of(*disk, kind, id);
      return std::pair(static_cast<s64>(d.bcount.value() - before.bcount.value()),
                       d.rtbcount.value());
    };
    CHECK(found(QuotaKind::user, 1000) == std::pair(s64{2}, u64{3}));
    CHECK(found(QuotaKind::group, 100) == std::pair(s64{7}, u64{0}));
    CHECK(found(QuotaKind::group, 1000) == std::pair(s64{-5}, u64{3}));
    CHECK(found(QuotaKind::project, 0) == std::pair(s64{2}, u64{3}));
  }

  TEST_CASE("of a realtime file, the blocks of the realtime device are counted apart") {
    disk::Dinode before{}, after{};
    before.uid = 3;
    before.projid_lo = u16{1};
    before.projid_hi = u16{2};
    before.nblocks = u64{100};
    after.nblocks = u64{92};
    QuotaChange const change = quota_change(before, after, -10);
    CHECK(change.owners.user == 3);
    CHECK(change.owners.project == 0x20001);
    CHECK(change.delta.blocks == 2);
    CHECK(change.delta.rt_blocks == -10);
  }
}
