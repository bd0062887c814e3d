// Reference counts held against a model that counts every block by itself.

#include "ag/refcounts.h"

#include "ag/headers.h"
#include "ag/tree_root.h"
#include "btree/reader.h"
#include "support/images.h"
#include "support/results.h"

#include <doctest/doctest.h>

#include <random>

namespace {

using namespace xfsx;
using namespace xfsx::test;

using Record = Refcountbt::Record;

std::vector<Record> records_of(Volume& volume, AgNumber ag) {
  std::vector<Record> records;
  BtreeReader<Refcountbt> tree(volume, value_of(find_tree_root(volume, ag, AgTree::refcountbt)));
  must(tree.visit_all([&](Record const& r) {
    records.push_back(r);
    return true;
  }));
  return records;
}

/// Counts of the blocks of an AG, one by one.
struct Model {
  std::vector<u32> owners, staged;

  Model(std::vector<Record> const& records, u32 blocks) : owners(blocks, 1), staged(blocks, 0) {
    for (Record const& r : records) {
      bool const waits = (r.start & Refcountbt::staging) != 0;
      u32 const start = r.start & ~Refcountbt::staging;
      for (u32 i = 0; i < r.length; ++i) (waits ? staged : owners)[start + i] = r.count;
    }
  }

  static void add(std::vector<u32> const& counts, u32 silent, u32 mark, std::vector<Record>& out) {
    for (u32 block = 0; block < counts.size(); ++block) {
      if (counts[block] <= silent) continue;
      bool const goes_on = !out.empty() && out.back().count == counts[block] &&
                           Refcountbt::end(out.back()) == (block | mark);
      if (goes_on) {
        ++out.back().length;
      } else {
        out.push_back({block | mark, 1, counts[block]});
      }
    }
  }
  [[nodiscard]] std::vector<Record> records() const {
    std::vector<Record> out;
    add(owners, 1, 0, out);
    add(staged, 0, Refcountbt::staging, out);
    return out;
  }
};

/// What the transaction made becomes what the volume reads.
void publish(Transaction& txn) {
  for (auto& [address, block] : txn.blocks()) {
    if (block.copy) txn.volume().cache().publish(block.copy);
  }
}

/// Blocks that `decrease` returned, one by one.
std::vector<u32> blocks_of(Geometry const& g, std::vector<BlockRun> const& runs) {
  std::vector<u32> blocks;
  for (BlockRun const& run : runs) {
    for (u64 i = 0; i < run.length.raw(); ++i) {
      blocks.push_back(g.agblock_of(run.start).raw() + static_cast<u32>(i));
    }
  }
  return blocks;
}

}  // namespace

TEST_CASE("refcounts: random changes are as a model has them") {
  for (std::string const name : {"debian12", "trees", "block1k"}) {
    CAPTURE(name);
    std::unique_ptr<MemoryDevice> const disk = image(name);
    std::unique_ptr<Volume> const volume = value_of(Volume::open(*disk));
    Geometry const& g = volume->geometry();
    AgNumber const ag(1);
    u32 const first = 100;
    u32 const span = std::min<u32>(g.blocks_of(ag) - 200, 3000);
    Model model(records_of(*volume, ag), g.blocks_of(ag));
    Transaction txn(*volume);
    Space space(txn);
    Refcounts counts(txn, space);
    std::mt19937 random(7);
    auto const run = [&] {
      return FsBlock(g.fsblock(ag, AgBlock(first + static_cast<u32>(random() % span))));
    };
    for (u32 round = 0; round < 1500; ++round) {
      FsBlock const start = run();
      u32 const at = g.agblock_of(start).raw();
      u32 const length = 1 + static_cast<u32>(random() % (round % 10 == 0 ? 90 : 4));
      if (random() % 3 != 0) {
        must(counts.increase(start, BlockCount(length)));
        for (u32 i = at; i < at + length; ++i) ++model.owners[i];
      } else {
        std::vector<u32> gone;
        for (u32 i = at; i < at + length; ++i) {
          if (model.owners[i] == 1) {
            gone.push_back(i);
          } else {
            --model.owners[i];
          }
        }
        CHECK(blocks_of(g, value_of(counts.decrease(start, BlockCount(length)))) == gone);
      }
    }
    must(space.finish());
    publish(txn);
    std::vector<Record> const now = records_of(*volume, ag);
    CHECK(now == model.records());
    CHECK(now.size() > 500);
    BufferRef const agf = value_of(load_agf(*volume, ag));
    CHECK(view_as<disk::Agf>(agf->bytes()).refcntblocks.value() > 1);
  }
}

TEST_CASE("refcounts: a tree that empties gives its blocks back") {
  std::unique_ptr<MemoryDevice> const disk = image("block1k");
  std::unique_ptr<Volume> const volume = value_of(Volume::open(*disk));
  Geometry const& g = volume->geometry();
  AgNumber const ag(2);
  std::vector<Record> const before = records_of(*volume, ag);
  auto const header = [&] { return view_as<disk::Agf>(value_of(load_agf(*volume, ag))->bytes()); };
  disk::Agf const old = header();
  auto const change_all = [&](bool up) {
    Transaction txn(*volume);
    Space space(txn);
    Refcounts counts(txn, space);
    for (u32 i = 0; i < 400; ++i) {
      FsBlock const block = g.fsblock(ag, AgBlock(1000 + 2 * i));
      if (up) {
        must(counts.increase(block, BlockCount(1)));
        must(counts.add_staging(block, BlockCount(1)));
      } else {
        CHECK(value_of(counts.decrease(block, BlockCount(1))).empty());
        must(counts.remove_staging(block, BlockCount(1)));
      }
    }
    must(space.finish());
    publish(txn);
  };
  change_all(true);
  CHECK(records_of(*volume, ag).size() == before.size() + 800);
  CHECK(header().refcntblocks.value() > old.refcntblocks.value());
  CHECK(header().refcntlevel.value() > old.refcntlevel.value());
  change_all(false);
  CHECK(records_of(*volume, ag) == before);
  CHECK(header().refcntblocks.value() == old.refcntblocks.value());
  CHECK(header().freeblks.value() + header().flcount.value() + header().btreeblks.value() ==
        old.freeblks.value() + old.flcount.value() + old.btreeblks.value());
}

TEST_CASE("refcounts: staging is added once and removed once, and blocks lie in an AG") {
  std::unique_ptr<MemoryDevice> const disk = image("debian12");
  std::unique_ptr<Volume> const volume = value_of(Volume::open(*disk));
  Geometry const& g = volume->geometry();
  FsBlock const block = g.fsblock(AgNumber(0), AgBlock(1000));
  Transaction txn(*volume);
  Space space(txn);
  Refcounts counts(txn, space);
  must(counts.add_staging(block, BlockCount(10)));
  Error const twice = counts.add_staging(block + BlockCount(9), BlockCount(3)).error();
  CHECK(twice.code == Errc::bad_value);
  CHECK(twice.field == "refcount");
  CHECK(twice.agblock == AgBlock(1009));
  must(counts.remove_staging(block + BlockCount(2), BlockCount(3)));
  CHECK(counts.remove_staging(block, BlockCount(10)).error().field == "refcount");
  CHECK(counts.increase(g.fsblock(AgNumber(0), AgBlock(0)), BlockCount(1)).error().code ==
        Errc::bad_value);
}
