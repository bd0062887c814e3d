#include "exchange/lifted_fork.h"

#include "base/view.h"
#include "disk/btree.h"

#include <doctest/doctest.h>

namespace {

using namespace xfsx;

constexpr u32 block_size = 4096;
constexpr u32 small_area = 192;  // 12 mappings, or 11 entries of a root
constexpr u32 large_area = 336;  // 21 mappings, or 20 entries

LiftedFork extents_fork(u64 mappings) {
  LiftedFork fork;
  fork.extents = mappings;
  fork.inside.resize(mappings * sizeof(disk::BmbtRecord));
  return fork;
}

/// A btree of 3000 mappings whose root has `entries`, over a block with `records` at `level` - 1.
LiftedFork btree_fork(u16 level, std::size_t entries, u16 records) {
  LiftedFork fork;
  fork.format = disk::ForkFormat::btree;
  fork.extents = 3000;
  fork.level = level;
  fork.keys.resize(entries * sizeof(u64));
  auto child = std::make_shared<Buffer>();
  child->data = AlignedBytes(block_size);
  auto& header = edit_as<disk::BtreeLongBlock>(child->data.bytes());
  header.level = static_cast<u16>(level - 1);
  header.numrecs = records;
  fork.btree.push_back(child);
  return fork;
}

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("mappings fit as many as the area holds, and no more") {
    CHECK(check_fits(extents_fork(12), small_area));
    CHECK_FALSE(check_fits(extents_fork(13), small_area));
    CHECK(check_fits(extents_fork(21), large_area));
  }

  TEST_CASE("a root fits with as many entries as the area holds, and no more") {
    CHECK(check_fits(btree_fork(1, 11, 200), small_area));
    CHECK_FALSE(check_fits(btree_fork(1, 12, 200), small_area));
    CHECK(check_fits(btree_fork(1, 12, 200), large_area));
  }

  TEST_CASE("a btree whose mappings the other inode must hold itself is refused") {
    LiftedFork fork = btree_fork(1, 1, 15);
    fork.extents = 15;
    CHECK(check_fits(fork, small_area));
    CHECK_FALSE(check_fits(fork, large_area));
  }

  TEST_CASE("a root that would have to take in the node below it is refused") {
    CHECK(check_fits(btree_fork(2, 1, 13), small_area));
    CHECK_FALSE(check_fits(btree_fork(2, 1, 13), large_area));
    // Scrub counts alike where that node is a leaf, and where two stand below the root it lets go.
    CHECK_FALSE(check_fits(btree_fork(1, 1, 13), large_area));
    CHECK(check_fits(btree_fork(2, 2, 13), large_area));
  }
}
