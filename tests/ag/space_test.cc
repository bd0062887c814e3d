// Blocks taken from and given back to AGs of real images, and the trees and headers held against
// each other afterwards. That Linux and xfs_repair agree is for tests/stages/65-model.

#include "ag/space.h"

#include "ag/tree_root.h"
#include "btree/reader.h"
#include "crash/operation.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "support/images.h"
#include "support/results.h"
#include "txn/commit.h"

#include <doctest/doctest.h>

namespace {

using namespace xfsx;
using namespace xfsx::test;

struct Opened {
  std::unique_ptr<MemoryDevice> disk;
  std::unique_ptr<Volume> volume;
};

Opened open_image(std::string const& name) {
  Opened opened;
  opened.disk = load_gz_image(std::string(XFSX_IMAGES_DIR) + "/" + name + ".img.gz").value();
  opened.volume = value_of(Volume::open(*opened.disk));
  return opened;
}

u64 free_blocks_of(Volume& volume) {
  SectorCount const sector(volume.geometry().sector_size() / basic_block_size);
  BufferRef const block = value_of(volume.cache().load(superblock_kind, Daddr(0), sector));
  return view_as<disk::Superblock>(block->bytes()).fdblocks.value();
}

void commit(Transaction& txn) {
  PreparedCommit prepared = value_of(PreparedCommit::prepare(txn, {}));
  REQUIRE(prepared.run().has_value());
}

/// Both trees of free space hold the same runs, and the header counts them; what the headers of all
/// AGs count is what the superblock counts.
void check_free_space(Volume& volume) {
  Geometry const& g = volume.geometry();
  u64 all = 0;
  for (u32 i = 0; i < g.ag_count(); ++i) {
    AgNumber const ag(i);
    BufferRef const header = value_of(load_agf(volume, ag));
    disk::Agf const& agf = view_as<disk::Agf>(header->bytes());
    std::vector<std::pair<u32, u32>> starts, lengths;
    u64 free = 0;
    BtreeReader<Bnobt> by_start(volume, value_of(find_tree_root(volume, ag, AgTree::bnobt)));
    must(by_start.visit_all([&](Bnobt::Record const& r) {
      starts.emplace_back(r.start.raw(), r.length);
      free += r.length;
      return true;
    }));
    u32 longest = 0;
    BtreeReader<Cntbt> by_length(volume, value_of(find_tree_root(volume, ag, AgTree::cntbt)));
    must(by_length.visit_all([&](Cntbt::Record const& r) {
      lengths.emplace_back(r.start.raw(), r.length);
      longest = r.length;
      return true;
    }));
    std::ranges::sort(lengths);
    CHECK(starts == lengths);
    CHECK(agf.freeblks.value() == free);
    CHECK(agf.longest.value() == longest);
    all += free + agf.flcount.value() + agf.btreeblks.value();
  }
  CHECK(all == free_blocks_of(volume));
}

/// Blocks of an owner in all reverse mappings.
u64 owned_by(Volume& volume, RunOwner const& owner) {
  u64 blocks = 0;
  for (u32 i = 0; i < volume.geometry().ag_count(); ++i) {
    BtreeReader<Rmapbt> tree(volume, value_of(find_tree_root(volume, AgNumber(i), AgTree::rmapbt)));
    must(tree.visit_all([&](Rmapbt::Record const& r) {
      bool const theirs = r.owner == owner.owner && r.bmbt_block == owner.bmbt_block;
      if (theirs) blocks += r.length;
      return true;
    }));
  }
  return blocks;
}

}  // namespace

TEST_CASE("space: blocks that are taken and given back leave the trees in step") {
  for (std::string const name : {"rare", "trees", "block1k", "islands", "sector4k"}) {
    CAPTURE(name);
    Opened opened = open_image(name);
    Volume& volume = *opened.volume;
    Geometry const& g = volume.geometry();
    bool const rmaps = g.has_ro(ro_compat::rmapbt);
    RunOwner const owner{g.root_inode().raw(), false, true};
    u64 const free = free_blocks_of(volume);
    u64 const before = rmaps ? owned_by(volume, owner) : 0;

    std::vector<FsBlock> taken;
    Transaction first(volume);
    Space space(first);
    for (u32 i = 0; i < 150; ++i) {
      FsBlock const near = g.fsblock(AgNumber(i % g.ag_count()), AgBlock(97 * i % 1000 + 20));
      taken.push_back(value_of(space.allocate(near, owner)));
    }
    must(space.finish());
    commit(first);
    check_free_space(volume);
    CHECK(free_blocks_of(volume) + taken.size() == free);
    if (rmaps) CHECK(owned_by(volume, owner) == before + taken.size());

    Transaction second(volume);
    Space back(second);
    for (FsBlock const block : taken) must(back.release(block, owner));
    must(back.finish());
    commit(second);
    check_free_space(volume);
    CHECK(free_blocks_of(volume) == free);
    if (rmaps) CHECK(owned_by(volume, owner) == before);
  }
}

TEST_CASE("space: what is free already, or is not whose it should be, is an error") {
  Opened opened = open_image("rare");
  Volume& volume = *opened.volume;
  RunOwner const owner{volume.geometry().root_inode().raw(), false, true};
  Transaction txn(volume);
  Space space(txn);
  FsBlock const block = value_of(space.allocate(FsBlock(100), owner));
  must(space.release(block, owner));
  Error const twice = space.release(block, owner).error();
  CHECK(twice.structure == "bnobt block");
  CHECK(twice.field == "startblock");

  Transaction other(volume);
  Space wrong(other);
  // The root inode's own cluster.
  FsBlock const inodes = volume.geometry().fsblock(
      AgNumber(0), AgBlock(volume.geometry().agino_of(volume.geometry().root_inode()).raw() /
                           volume.geometry().inodes_per_block()));
  must(wrong.release(inodes, owner));
  CHECK(wrong.finish().error().structure == "rmapbt block");
}

TEST_CASE("space: the list of an AG is as long as Linux keeps it") {
  Opened opened = open_image("trees");
  Volume& volume = *opened.volume;
  for (u32 i = 0; i < volume.geometry().ag_count(); ++i) {
    BufferRef const header = value_of(load_agf(volume, AgNumber(i)));
    disk::Agf const& agf = view_as<disk::Agf>(header->bytes());
    u32 const need = free_list_need(
        volume.geometry(), {agf.bnolevel.value(), agf.cntlevel.value(), agf.rmaplevel.value()});
    CHECK(agf.flcount.value() >= need);
  }
}
