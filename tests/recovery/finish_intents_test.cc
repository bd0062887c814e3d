// Intents made by hand over clean images, finished, and judged by xfs_repair and by what the files
// then hold.

#include "recovery/finish_intents.h"

#include "recovery/desk.h"

#include "ag/tree_root.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "quota/move.h"
#include "support/patch.h"
#include "support/results.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::test;

namespace bmap = disk::map_intent;
namespace rmap = disk::rmap_intent;

/// Takes all mappings of a file away, and then frees their blocks.
void cut(Desk& desk, InodeNumber inode, std::vector<Mapping> const& mappings) {
  std::vector<Intent> unmapped, freed;
  for (Mapping const& m : mappings) {
    unmapped.push_back(bui(bmap::unmap, inode, m));
    freed.push_back(efi({{m.start, static_cast<u32>(m.length.raw())}}));
  }
  must(desk.finish(unmapped));
  must(desk.finish(freed));
}

std::vector<Rmapbt::Record> all_rmaps(Desk& desk, u32 ag) {
  std::vector<Rmapbt::Record> all;
  AgTreeRoot const root = find_tree_root(desk.volume(), AgNumber(ag), AgTree::rmapbt).value();
  must(BtreeReader<Rmapbt>(desk.volume(), root).visit_all([&](Rmapbt::Record const& r) {
    all.push_back(r);
    return true;
  }));
  return all;
}

u64 block_sum(std::vector<Mapping> const& mappings) {
  u64 sum = 0;
  for (Mapping const& m : mappings) sum += m.length.raw();
  return sum;
}

Mapping part(Mapping const& m, u64 skip, u64 length) {
  return {m.offset + BlockCount(skip), m.start + BlockCount(skip), BlockCount(length), m.unwritten};
}

/// Whoever logs a mapping to be changed has moved what quota counts: here nobody has.
void forget_quota(Desk& desk) {
  Transaction txn(desk.volume());
  must(forget_quota_counts(txn));
  must(desk.bench().take(txn));
}

}  // namespace

TEST_SUITE("recovery") {
  TEST_CASE("blocks that were to be freed are free, and the file has none") {
    for (std::string const image : {"debian12", "rmapbt", "trees", "block1k"}) {
      for (std::string const path : {"/swap/one-a", "/swap/twenty-a"}) {
        CAPTURE(image);
        CAPTURE(path);
        Desk desk(image);
        std::vector<Mapping> const before = desk.mappings(path);
        u64 const free = desk.free_blocks();
        u64 const blocks = desk.inode(path).nblocks();
        cut(desk, desk.inode(path).number, before);
        CHECK(desk.mappings(path).empty());
        CHECK(desk.inode(path).nblocks() == 0);
        CHECK(desk.free_blocks() == free + blocks);
        desk.judge();
      }
    }
  }

  TEST_CASE("a part of a file's mappings goes, and comes back") {
    Desk desk("rmapbt");
    InodeNumber const file = desk.inode("/swap/one-b").number;
    Mapping const whole = desk.mappings("/swap/one-b").front();
    std::vector<Rmapbt::Record> const rmaps = all_rmaps(desk, 0);
    Mapping const middle = part(whole, 2, 3);
    must(desk.finish({bui(bmap::unmap, file, middle)}));
    CHECK(desk.mappings("/swap/one-b").size() == 2);
    CHECK(all_rmaps(desk, 0).size() == rmaps.size() + 1);
    must(desk.finish({bui(bmap::map, file, middle)}));
    CHECK(desk.mappings("/swap/one-b") == std::vector<Mapping>{whole});
    CHECK(all_rmaps(desk, 0) == rmaps);
    desk.judge();
  }

  TEST_CASE("reverse mappings are split, converted and joined") {
    Desk desk("rmapbt");
    InodeNumber const file = desk.inode("/swap/one-b").number;
    Mapping const whole = desk.mappings("/swap/one-b").front();
    std::vector<Rmapbt::Record> const rmaps = all_rmaps(desk, 0);
    auto const change = [&](u32 what, u64 skip, u64 length) {
      Mapping const m = part(whole, skip, length);
      return MapChange{file.raw(), m.start, m.offset, static_cast<u32>(length), what};
    };
    must(desk.finish({rui({change(rmap::unmap, 0, 1), change(rmap::unmap_shared, 3, 2)})}));
    CHECK(all_rmaps(desk, 0).size() == rmaps.size() + 1);
    must(desk.finish({rui({change(rmap::convert | rmap::unwritten, 1, 1)})}));
    CHECK(all_rmaps(desk, 0).size() == rmaps.size() + 2);
    must(desk.finish({rui({change(rmap::map, 3, 2), change(rmap::convert, 1, 1)}),
                      rui({change(rmap::map_shared, 0, 1)})}));
    CHECK(all_rmaps(desk, 0) == rmaps);
    desk.judge();

    Error const twice = desk.finish({rui({change(rmap::map, 0, 1)})}).error();
    CHECK(twice.structure == "rmapbt block");
    CHECK(twice.code == Errc::bad_value);
    CHECK(desk.finish({rui({change(rmap::unmap | rmap::unwritten, 0, 1)})}).has_error());
  }

  TEST_CASE("two files change places by four mappings") {
    for (std::string const image : {"debian12", "rmapbt"}) {
      CAPTURE(image);
      Desk desk(image);
      std::unique_ptr<MemoryDevice> const old = test::image(image);
      InodeNumber const a = desk.inode("/swap/range-a").number;
      InodeNumber const b = desk.inode("/swap/range-b").number;
      // The first four blocks of either are one mapping.
      Mapping const of_a = part(desk.mappings("/swap/range-a").front(), 0, 4);
      Mapping const of_b = part(desk.mappings("/swap/range-b").front(), 0, 4);
      must(desk.finish({bui(bmap::unmap, a, of_a), bui(bmap::unmap, b, of_b),
                        bui(bmap::map, a, of_b), bui(bmap::map, b, of_a)}));
      std::unique_ptr<MemoryDevice> const now = desk.result();
      std::vector<std::byte> want_a = contents(*old, "/swap/range-a");
      std::vector<std::byte> want_b = contents(*old, "/swap/range-b");
      std::swap_ranges(want_a.begin(), want_a.begin() + 4 * desk.geometry().block_size(),
                       want_b.begin());
      CHECK(contents(*now, "/swap/range-a") == want_a);
      CHECK(contents(*now, "/swap/range-b") == want_b);
      desk.judge();
    }
  }

  TEST_CASE("a shared block loses one owner, then the other, and is free") {
    Desk desk("rmapbt");
    std::string const first = "/swap/shared-a", second = "/swap/sub/bystander-3";
    Mapping const shared = desk.mappings(first).back();
    u64 const free = desk.free_blocks();
    u32 const length = static_cast<u32>(shared.length.raw());
    Intent const down = cui({{shared.start, length, disk::count_intent::decrease}});
    must(desk.finish({bui(bmap::unmap, desk.inode(first).number, shared), down}));
    CHECK(desk.free_blocks() == free);
    desk.judge();
    must(desk.finish({bui(bmap::unmap, desk.inode(second).number, shared), down}));
    CHECK(desk.free_blocks() == free + length);
    desk.judge();
    Intent const up = cui({{shared.start, length, disk::count_intent::increase}});
    Mapping const taken = part(desk.mappings(second).front(), 0, 1);
    Mapping moved = taken;
    moved.offset = shared.offset;
    must(desk.finish({cui({{taken.start, 1, disk::count_intent::increase}}),
                      bui(bmap::map, desk.inode(first).number, moved)}));
    CHECK(block_sum(desk.mappings(first)) == 3);
    desk.judge();
  }

  TEST_CASE("realtime blocks go, are free, and come back to another file") {
    Desk desk("rtgroups");
    forget_quota(desk);
    for (std::string const path : {"/rt/one", "/rt/many-a", "/rt/gone-11"}) {
      CAPTURE(path);
      InodeNumber const file = desk.inode(path).number;
      std::vector<Mapping> const before = desk.mappings(path);
      std::vector<Intent> unmapped, freed;
      for (Mapping const& m : before) {
        unmapped.push_back(of_realtime(bui(bmap::unmap, file, m)));
        freed.push_back(of_realtime(efi({{m.start, static_cast<u32>(m.length.raw())}})));
      }
      must(desk.finish(unmapped));
      CHECK(desk.mappings(path).empty());
      must(desk.finish(freed));
      desk.judge();
      CHECK(desk.finish(freed).has_error());
    }
    std::vector<Mapping> const few = desk.mappings("/rt/few-a");
    InodeNumber const a = desk.inode("/rt/few-a").number;
    InodeNumber const b = desk.inode("/rt/gone-11").number;
    must(desk.finish(
        {of_realtime(bui(bmap::unmap, a, few[1])), of_realtime(bui(bmap::map, b, few[1]))}));
    desk.judge();
  }

  TEST_CASE("shared realtime blocks lose their owners") {
    Desk desk("rtgroups");
    forget_quota(desk);
    std::vector<std::string> const owners{"/rt/shared", "/rt/thrice", "/rt/copied"};
    // Blocks that all three have, and blocks that two have.
    for (std::size_t const index : {0U, 1U, 2U, 7U}) {
      std::vector<Mapping> const shared = desk.mappings(owners[0]);
      Mapping const m = part(shared[0], index, 1);
      for (std::string const& path : owners) {
        bool has = false;
        for (Mapping const& other : desk.mappings(path)) {
          has = has || (other.offset <= m.offset && other.end() > m.offset &&
                        other.start + (m.offset - other.offset) == m.start);
        }
        if (!has) continue;
        Intent const down = of_realtime(cui({{m.start, 1, disk::count_intent::decrease}}));
        must(desk.finish({of_realtime(bui(bmap::unmap, desk.inode(path).number, m)), down}));
        desk.judge();
      }
    }
  }

  TEST_CASE("intents that cannot be meant are refused, located in the log") {
    Desk desk("rmapbt");
    InodeNumber const file = desk.inode("/swap/one-a").number;
    Mapping const whole = desk.mappings("/swap/one-a").front();
    auto const refused = [&](Intent intent, std::string_view structure, std::string_view field) {
      intent.block = 77;
      intent.operation = 5;
      Result<void> const done = desk.finish({intent});
      REQUIRE(done.has_error());
      CHECK(done.error().address_kind == AddressKind::log_block);
      CHECK(done.error().address == 77);
      CHECK(done.error().structure == structure);
      CHECK(done.error().field == field);
      CHECK(done.error().note.view() == "operation 5");
    };
    Geometry const& g = desk.geometry();
    refused(efi({{g.fsblock(AgNumber(0), AgBlock(0)), 1}}), "log_efi_extent", "start");
    refused(efi({{g.fsblock(AgNumber(99), AgBlock(9)), 1}}), "log_efi_extent", "start");
    refused(efi({{g.log_start(), 1}}), "log_efi_extent", "start");
    refused(efi({{whole.start, ~u32{0}}}), "log_efi_extent", "start");
    refused(bui(bmap::map, file, whole), "log_map_extent", "startoff");
    refused(bui(3, file, whole), "log_map_extent", "flags");
    Mapping other = whole;
    other.start = whole.start + BlockCount(1);
    refused(bui(bmap::unmap, file, other), "log_map_extent", "startblock");
    refused(bui(bmap::unmap, InodeNumber(~u64{0} >> 1), whole), "log_map_extent", "owner");
    refused(cui({{whole.start, 1, 9}}), "log_cui_extent", "flags");
    refused(rui({{file.raw(), whole.start, whole.offset, 1, 99}}), "log_map_extent", "flags");
    refused(rui({{~u64{0}, whole.start, whole.offset, 1, 1}}), "log_map_extent", "owner");
    // Free twice: what the trees say, not the log.
    cut(desk, file, {whole});
    Error const twice = desk.finish({efi({{whole.start, 1}})}).error();
    CHECK(twice.structure == "bnobt block");
  }
}
