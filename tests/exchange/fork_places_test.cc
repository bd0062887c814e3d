#include "exchange/fork_places.h"

#include "disk/btree.h"

#include <doctest/doctest.h>

namespace {

using namespace xfsx;

constexpr u32 literal = 336;  // of an inode of 512 bytes
constexpr u32 mapping = sizeof(disk::BmbtRecord);

LiftedFork fork_of(ForkKind kind, disk::ForkFormat format, u32 bytes) {
  LiftedFork fork;
  fork.kind = kind;
  fork.format = format;
  fork.inside.resize(bytes);
  if (format == disk::ForkFormat::extents) fork.extents = bytes / mapping;
  return fork;
}

LiftedFork data(disk::ForkFormat format, u32 bytes) {
  return fork_of(ForkKind::data, format, bytes);
}

LiftedFork attr(disk::ForkFormat format, u32 bytes) {
  return fork_of(ForkKind::attr, format, bytes);
}

/// A btree of `mappings` whose root has `entries` and two children.
LiftedFork btree(ForkKind kind, u64 mappings, u32 entries) {
  LiftedFork fork;
  fork.kind = kind;
  fork.format = disk::ForkFormat::btree;
  fork.extents = mappings;
  fork.level = 1;
  fork.keys.resize(entries * sizeof(u64));
  fork.pointers.resize(entries * sizeof(u64));
  return fork;
}

std::optional<u8> place(LiftedFork const& d, LiftedFork const& a, std::vector<u8> preferred = {}) {
  return place_forks(d, a, literal, preferred);
}

constexpr auto extents = disk::ForkFormat::extents;
constexpr auto local = disk::ForkFormat::local;

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("the first preferred border with which both forks fit is taken") {
    CHECK(place(data(extents, 3 * mapping), attr(local, 100), {24, 30}) == 24);
    CHECK(place(data(extents, 13 * mapping), attr(local, 50), {24, 30}) == 30);
    CHECK(place(data(extents, 3 * mapping), attr(local, 300)) == std::nullopt);
  }

  TEST_CASE("only an inode without attributes goes without an attribute fork") {
    CHECK(place(data(extents, 21 * mapping), attr(extents, 0), {0, 24}) == 0);
    CHECK(place(data(extents, mapping), attr(local, 4), {0, 24}) == 24);
  }

  TEST_CASE("the border moves as little to the front as the attributes let it") {
    CHECK(place(data(local, 60), attr(local, 200)) == (literal - 200) / 8);
    CHECK(place(data(local, 136), attr(local, 200)) == (literal - 200) / 8);
    CHECK(place(data(local, 137), attr(local, 200)) == std::nullopt);
    // Either fork keeps the room that Linux leaves it for a btree.
    CHECK(place(data(local, 6), attr(local, 280)) == 7);
    CHECK(place(data(local, 6), attr(local, 281)) == std::nullopt);
    CHECK(place(data(local, 290), attr(extents, mapping)) == 37);
    CHECK(place(data(local, 300), attr(extents, mapping)) == std::nullopt);
  }

  TEST_CASE("what another inode prefers leaves the forks the room that they need to grow") {
    // An empty directory and a fifo's border: eight bytes would do today.
    CHECK(place(data(local, 6), attr(local, 20), {0, 1}) == 37);
    CHECK(place(data(extents, 0), attr(local, 20), {1}) == 37);
  }

  TEST_CASE("a btree must have more mappings than would fit, and its root must fit") {
    LiftedFork const tree = btree(ForkKind::data, 15, 2);
    CHECK(place(tree, attr(local, 50), {30}) == 29);  // 15 mappings fit 240 bytes
    CHECK(place(btree(ForkKind::data, 3000, 12), attr(local, 136)) == 25);
    CHECK(place(btree(ForkKind::data, 3000, 12), attr(local, 137)) == std::nullopt);
    CHECK(place(tree, btree(ForkKind::attr, 10, 3), {23}) == 23);
    CHECK(place(tree, btree(ForkKind::attr, 10, 3), {22}) == 29);
  }

  TEST_CASE("beside a device number the attribute fork begins at one place") {
    CHECK(place(data(disk::ForkFormat::dev, 4), attr(local, 328), {24}) == 1);
    CHECK(place(data(disk::ForkFormat::dev, 4), attr(local, 329), {24}) == std::nullopt);
    CHECK(place(data(disk::ForkFormat::dev, 4), attr(extents, 0), {0}) == 0);
  }
}
