// The trees of an AG checked against each other: what one says, another must say too. Linux made
// them, so where they agree we read them as they are.

#include "btree/reader.h"

#include "ag/headers.h"
#include "ag/tree_root.h"
#include "inode/fork.h"
#include "support/patch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <set>

namespace {

using namespace xfsx;

std::string const image_name = "trees";

template <BtreeTraits T>
std::vector<typename T::Record> all_of(Volume& volume, AgNumber ag, AgTree which) {
  BtreeReader<T> tree(volume, find_tree_root(volume, ag, which).value());
  std::vector<typename T::Record> records;
  Result<void> const done = tree.visit_all([&](typename T::Record const& r) {
    records.push_back(r);
    return true;
  });
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : describe(done.error())));
  return records;
}

/// Every record that touches `from` to `to`, by looking at all of them.
template <class T>
std::vector<u64> touching(std::span<typename T::Record const> records, u64 from, u64 to) {
  std::vector<u64> found;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (T::first(records[i]) <= to && T::end(records[i]) > from) found.push_back(i);
  }
  return found;
}

template <RangedBtree T>
void check_ranges(BtreeReader<T>& tree, std::span<typename T::Record const> records, u64 end) {
  u64 seed = 1;
  for (int round = 0; round < 300; ++round) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    u64 const from = (seed >> 33) % end;
    u64 const to = std::min(end - 1, from + (round % 3 == 0 ? 0 : (seed >> 20) % 200));
    std::vector<u64> const expected = touching<T>(records, from, to);
    std::size_t next = 0;
    bool same = true;
    Result<void> const done = tree.visit_range(from, to, [&](typename T::Record const& r) {
      same = same && next < expected.size() && T::key_of(records[expected[next]]) == T::key_of(r);
      ++next;
      return true;
    });
    REQUIRE(done.has_value());
    CHECK(same);
    CHECK(next == expected.size());
  }
}

std::unique_ptr<Volume> open(BlockDevice& disk) {
  return Volume::open(disk).value();
}

/// Compares a walk by blocks with one by records; how many blocks there are.
template <BtreeTraits T>
u64 check_blocks(Volume& volume, AgNumber ag, AgTree which) {
  auto const records = all_of<T>(volume, ag, which);
  BtreeReader<T> tree(volume, find_tree_root(volume, ag, which).value());
  std::set<u32> seen;
  u64 blocks = 0;
  std::size_t next = 0;
  bool same = true;
  Result<void> const done = tree.visit_blocks([&](AgBlock at, BtreeNode<T> const& node) {
    seen.insert(at.raw());
    ++blocks;
    for (u32 i = 0; node.level() == 0 && i < node.count(); ++i, ++next) {
      same = same && next < records.size() && T::key_of(records[next]) == T::key_of(node.record(i));
    }
    return true;
  });
  REQUIRE(done.has_value());
  CHECK(same);
  CHECK(next == records.size());
  CHECK(seen.size() == blocks);
  return blocks;
}

/// Calls `visit` with every allocation group of every image.
template <class Visit>
void for_each_group(Visit const& visit) {
  for (std::string const& name : test::readable_images()) {
    CAPTURE(name);
    std::unique_ptr<MemoryDevice> const disk = test::image(name);
    std::unique_ptr<Volume> const volume = open(*disk);
    for (u32 n = 0; n < volume->geometry().ag_count(); ++n) visit(*volume, AgNumber(n));
  }
}

/// How many owners each block of an AG has, and how many runs of free blocks it is in.
struct Census {
  std::vector<u32> owners, free;
};

Census census_of(Volume& volume, AgNumber ag) {
  Census census;
  u32 const blocks = volume.geometry().blocks_of(ag);
  census.owners.resize(blocks);
  census.free.resize(blocks);
  for (Rmapbt::Record const& r : all_of<Rmapbt>(volume, ag, AgTree::rmapbt)) {
    for (u64 b = Rmapbt::first(r); b < Rmapbt::end(r); ++b) ++census.owners.at(b);
  }
  for (Bnobt::Record const& r : all_of<Bnobt>(volume, ag, AgTree::bnobt)) {
    for (u64 b = Bnobt::first(r); b < Bnobt::end(r); ++b) ++census.free.at(b);
  }
  return census;
}

}  // namespace

TEST_SUITE("btree") {
  TEST_CASE("a block of an AG is free or owned, and shared where it has several owners") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = open(*disk);
    u32 thrice = 0;
    for (u32 n = 0; n < volume->geometry().ag_count(); ++n) {
      AgNumber const ag(n);
      Census const census = census_of(*volume, ag);
      std::vector<u32> counts(census.owners.size(), 1);
      for (auto const& r : all_of<Refcountbt>(*volume, ag, AgTree::refcountbt)) {
        for (u64 b = Refcountbt::first(r); b < Refcountbt::end(r); ++b) counts.at(b) = r.count;
      }
      for (std::size_t b = 0; b < counts.size(); ++b) {
        CHECK(census.free[b] + std::min(census.owners[b], 1U) == 1);
        if (census.owners[b] > 0) CHECK(census.owners[b] == counts[b]);
        if (counts[b] == 3) ++thrice;
      }
    }
    CHECK(thrice > 100);
  }

  TEST_CASE("free space by start and by length is the same, and what the AGF counts") {
    for_each_group([](Volume& volume, AgNumber ag) {
      auto const by_start = all_of<Bnobt>(volume, ag, AgTree::bnobt);
      auto by_length = all_of<Cntbt>(volume, ag, AgTree::cntbt);
      BufferRef const header = load_agf(volume, ag).value();
      disk::Agf const& agf = view_as<disk::Agf>(header->bytes());
      CHECK(agf.longest.value() == (by_length.empty() ? 0 : by_length.back().length));
      std::ranges::sort(by_length, {}, [](Cntbt::Record const& r) { return r.start; });
      REQUIRE(by_start.size() == by_length.size());
      u64 free = 0;
      for (std::size_t i = 0; i < by_start.size(); ++i) {
        CHECK(by_start[i].start == by_length[i].start);
        CHECK(by_start[i].length == by_length[i].length);
        free += by_start[i].length;
      }
      CHECK(free == agf.freeblks.value());
    });
  }

  TEST_CASE("chunks of inodes add up to what the AGI counts, those with free ones are in finobt") {
    for_each_group([](Volume& volume, AgNumber ag) {
      Geometry const& g = volume.geometry();
      auto chunks = all_of<Inobt>(volume, ag, AgTree::inobt);
      u64 count = 0, free = 0;
      for (Inobt::Record const& r : chunks) {
        for (u32 i = 0; i < inodes_per_chunk; ++i) count += r.exists(i) ? 1 : 0;
        free += r.freecount;
      }
      BufferRef const header = load_agi(volume, ag).value();
      CHECK(count == view_as<disk::Agi>(header->bytes()).count.value());
      CHECK(free == view_as<disk::Agi>(header->bytes()).freecount.value());
      if (!g.has_ro(ro_compat::finobt)) return;
      std::erase_if(chunks, [](Inobt::Record const& r) { return r.freecount == 0; });
      auto const with_free = all_of<Finobt>(volume, ag, AgTree::finobt);
      REQUIRE(with_free.size() == chunks.size());
      for (std::size_t i = 0; i < chunks.size(); ++i) {
        CHECK(with_free[i].start == chunks[i].start);
        CHECK(with_free[i].free == chunks[i].free);
      }
    });
  }

  TEST_CASE("a range of a tree is what looking at every record finds") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = open(*disk);
    AgNumber const ag(0);
    u64 const end = volume->geometry().blocks_of(ag);
    auto const owners = all_of<Rmapbt>(*volume, ag, AgTree::rmapbt);
    BtreeReader<Rmapbt> rmapbt(*volume, find_tree_root(*volume, ag, AgTree::rmapbt).value());
    check_ranges<Rmapbt>(rmapbt, owners, end);
    auto const shared = all_of<Refcountbt>(*volume, ag, AgTree::refcountbt);
    BtreeReader<Refcountbt> refcountbt(*volume,
                                       find_tree_root(*volume, ag, AgTree::refcountbt).value());
    check_ranges<Refcountbt>(refcountbt, shared, end);
    auto const chunks = all_of<Inobt>(*volume, ag, AgTree::inobt);
    BtreeReader<Inobt> inobt(*volume, find_tree_root(*volume, ag, AgTree::inobt).value());
    check_ranges<Inobt>(inobt, chunks, end * volume->geometry().inodes_per_block());
  }

  TEST_CASE("a visitor stops a walk") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = open(*disk);
    BtreeReader<Rmapbt> tree(*volume, find_tree_root(*volume, AgNumber(0), AgTree::rmapbt).value());
    u32 seen = 0;
    CHECK(tree.visit_range(0, ~u64{0}, [&](Rmapbt::Record const&) { return ++seen < 100; }));
    CHECK(seen == 100);
    CHECK(tree.visit_all([&](Rmapbt::Record const&) { return ++seen < 300; }));
    CHECK(seen == 300);
  }

  TEST_CASE("a walk by blocks meets each block once, and every record in order") {
    for_each_group([](Volume& volume, AgNumber ag) {
      Geometry const& g = volume.geometry();
      BufferRef const header = load_agf(volume, ag).value();
      disk::Agf const& agf = view_as<disk::Agf>(header->bytes());
      u64 blocks = check_blocks<Bnobt>(volume, ag, AgTree::bnobt);
      blocks += check_blocks<Cntbt>(volume, ag, AgTree::cntbt);
      check_blocks<Inobt>(volume, ag, AgTree::inobt);
      if (g.has_ro(ro_compat::rmapbt)) {
        u64 const own = check_blocks<Rmapbt>(volume, ag, AgTree::rmapbt);
        CHECK(own == agf.rmapblocks.value());
        blocks += own;
      }
      if (g.has_ro(ro_compat::reflink)) {
        u64 const own = check_blocks<Refcountbt>(volume, ag, AgTree::refcountbt);
        CHECK(own == agf.refcntblocks.value());
      }
      // Linux counts these without the roots, which it made last, one a tree.
      u64 const roots = g.has_ro(ro_compat::rmapbt) ? 3 : 2;
      CHECK(blocks == agf.btreeblks.value() + roots);
    });
  }

  TEST_CASE("a visitor stops a walk by blocks") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = open(*disk);
    BtreeReader<Rmapbt> tree(*volume, find_tree_root(*volume, AgNumber(0), AgTree::rmapbt).value());
    u32 seen = 0;
    CHECK(tree.visit_blocks([&](AgBlock, BtreeNode<Rmapbt> const&) { return ++seen < 2; }));
    CHECK(seen == 2);
  }

  TEST_CASE("a tree in a fork is read by the same reader") {
    std::string const name = "block1k";
    std::unique_ptr<MemoryDevice> const disk = test::image(name);
    std::unique_ptr<Volume> const volume = open(*disk);
    Inode const inode = load_inode(*volume, test::ino_of(name, "/swap/tall-a")).value();
    std::vector<Mapping> const expected = collect_mappings(*volume, inode, ForkKind::data).value();
    BtreeReader<Bmbt> tree(*volume, {fork_bytes(inode, ForkKind::data), inode.number,
                                     inode.location(volume->geometry())});
    std::vector<Mapping> found;
    CHECK(tree.visit_all([&](Mapping const& m) {
      found.push_back(m);
      return true;
    }));
    CHECK(found == expected);
    check_ranges<Bmbt>(tree, expected, expected.back().end().raw() + 10);
    Mapping const middle = tree.lookup_le(expected[77].offset).value().value();
    CHECK(middle == expected[77]);
  }
}

namespace {

using Change = std::function<void(Bytes root, Bytes left, Bytes right)>;

/// What a walk over the reverse mappings of AG 0 says after the root, its first child and its
/// second were changed and stamped again.
Error walk_after(Change const& change, bool ranged = false) {
  std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
  {
    std::unique_ptr<Volume> const volume = open(*disk);
    Geometry const& g = volume->geometry();
    AgTreeRoot const top = find_tree_root(*volume, AgNumber(0), AgTree::rmapbt).value();
    std::vector<Daddr> places{g.daddr(top.ag, top.block)};
    std::size_t const size = g.block_size();
    std::vector<std::vector<std::byte>> blocks{
        test::read_bytes(*disk, places[0].raw() * 512, size)};
    BtreeNode<Rmapbt> const node = BtreeNode<Rmapbt>::of_block(blocks[0], format_v5);
    for (u32 const i : {0U, 1U}) {
      places.push_back(g.daddr(top.ag, node.pointer(i)));
      blocks.push_back(test::read_bytes(*disk, places.back().raw() * 512, size));
    }
    change(blocks[0], blocks[1], blocks[2]);
    for (std::size_t i = 0; i < places.size(); ++i) {
      test::patch_block(*disk, rmapbt_kind, places[i], size,
                        [&](Bytes b) { std::ranges::copy(blocks[i], b.begin()); });
    }
  }
  std::unique_ptr<Volume> const volume = open(*disk);
  BtreeReader<Rmapbt> tree(*volume, find_tree_root(*volume, AgNumber(0), AgTree::rmapbt).value());
  auto const look = [](Rmapbt::Record const&) { return true; };
  Result<void> const done = ranged ? tree.visit_range(0, ~u64{0}, look) : tree.visit_all(look);
  REQUIRE(done.has_error());
  CHECK(done.error().structure == "rmapbt block");
  Result<void> const by_blocks =
      tree.visit_blocks([](AgBlock, BtreeNode<Rmapbt> const&) { return true; });
  REQUIRE(by_blocks.has_error());
  CHECK(by_blocks.error().structure == "rmapbt block");
  CHECK(by_blocks.error().field == done.error().field);
  return done.error();
}

disk::BtreeShortBlock& head(Bytes block) {
  return edit_as<disk::BtreeShortBlock>(block);
}

disk::RmapKey& key(Bytes block, std::size_t i) {
  return edit_array<disk::RmapKey>(block, rmapbt_shape.header, i + 1)[i];
}

be<AgBlock>& pointer(Bytes block, std::size_t i) {
  return edit_array<be<AgBlock>>(block, rmapbt_shape.pointers_at(block.size()), i + 1)[i];
}

}  // namespace

TEST_SUITE("btree") {
  TEST_CASE("links that do not fit together end a walk with the field named") {
    for (bool const ranged : {false, true}) {
      CAPTURE(ranged);
      // A child on the wrong level: the second one is reached through the first one's place.
      CHECK(walk_after(
                [](Bytes root, Bytes left, Bytes) { pointer(root, 0) = pointer(left, 0).value(); },
                ranged)
                .field == "level");
      // Two pointers to one block.
      CHECK(
          walk_after([](Bytes root, Bytes, Bytes) { pointer(root, 1) = pointer(root, 0).value(); },
                     ranged)
              .field == "rightsib");
      // A key that is not the child's first.
      CHECK(walk_after(
                [](Bytes root, Bytes, Bytes) {
                  key(root, 1).startblock = AgBlock(key(root, 1).startblock.raw() + 1);
                },
                ranged)
                .field == "startblock");
      // A reach that is not the children's.
      CHECK(walk_after(
                [](Bytes root, Bytes, Bytes) {
                  key(root, 0).startblock_hi = AgBlock(key(root, 0).startblock_hi.raw() + 1);
                },
                ranged)
                .field == "startblock");
      CHECK(walk_after([](Bytes, Bytes left, Bytes) { head(left).leftsib = AgBlock(100); }, ranged)
                .field == "leftsib");
      CHECK(
          walk_after([](Bytes, Bytes, Bytes right) { head(right).rightsib = null_agblock; }, ranged)
              .field == "rightsib");
      CHECK(walk_after([](Bytes root, Bytes, Bytes) { head(root).rightsib = AgBlock(100); }, ranged)
                .field == "rightsib");
    }
  }

  TEST_CASE(
      "neighbours with different parents are compared when a walk goes from one to the other") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    {
      std::unique_ptr<Volume> const volume = open(*disk);
      Geometry const& g = volume->geometry();
      AgTreeRoot const top = find_tree_root(*volume, AgNumber(0), AgTree::rmapbt).value();
      auto const block = [&](AgBlock at) {
        return test::read_bytes(*disk, g.daddr(top.ag, at).raw() * 512, g.block_size());
      };
      auto const child = [&](AgBlock at, u32 i) {
        return BtreeNode<Rmapbt>::of_block(block(at), format_v5).pointer(i);
      };
      AgBlock const leaf = child(child(top.block, 1), 0);
      test::patch_block(*disk, rmapbt_kind, g.daddr(top.ag, leaf), g.block_size(),
                        [&](Bytes bytes) { head(bytes).leftsib = leaf + BlockCount(1); });
    }
    std::unique_ptr<Volume> const volume = open(*disk);
    BtreeReader<Rmapbt> tree(*volume, find_tree_root(*volume, AgNumber(0), AgTree::rmapbt).value());
    Result<void> const done = tree.visit_all([](Rmapbt::Record const&) { return true; });
    REQUIRE(done.has_error());
    CHECK(done.error().field == "leftsib");
  }
}
