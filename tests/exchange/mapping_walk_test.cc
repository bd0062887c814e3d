#include "exchange/mapping_walk.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

namespace {

using namespace xfsx;

/// What a file block holds: the disk block and its state.
using Model = std::map<u64, std::pair<u64, bool>>;

Model model_of(std::span<Mapping const> mappings) {
  Model model;
  for (Mapping const& m : mappings) {
    for (u64 i = 0; i < m.length.raw(); ++i) {
      model[m.offset.raw() + i] = {m.start.raw() + i, m.unwritten};
    }
  }
  return model;
}

/// Block by block, which is slow and plain.
void exchange(Model& a, Model& b, BlockRange const& range) {
  for (u64 i = 0; i < range.length.raw(); ++i) {
    auto first = a.extract(range.start1.raw() + i);
    auto second = b.extract(range.start2.raw() + i);
    if (!first.empty()) b[range.start2.raw() + i] = first.mapped();
    if (!second.empty()) a[range.start1.raw() + i] = second.mapped();
  }
}

std::vector<Mapping> random_file(std::mt19937& random, u64& next_block) {
  std::vector<Mapping> file;
  u64 offset = random() % 3;
  for (u64 n = random() % 8; n > 0; --n) {
    u64 const length = 1 + random() % 5;
    if (random() % 3 != 0) next_block += random() % 4;  // adjacent on disk now and then
    file.push_back({FileBlock(offset), FsBlock(next_block), BlockCount(length), random() % 4 == 0});
    next_block += length;
    offset += length + random() % 3;
  }
  return file;
}

bool sorted_and_merged(std::span<Mapping const> mappings) {
  for (std::size_t i = 1; i < mappings.size(); ++i) {
    Mapping const& a = mappings[i - 1];
    Mapping const& b = mappings[i];
    if (b.offset < a.end()) return false;
    if (a.end() == b.offset && a.start + a.length == b.start && a.unwritten == b.unwritten) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("a range exchange of mappings is the exchange of each of its blocks") {
    std::mt19937 random(20261122);
    for (int round = 0; round < 20000; ++round) {
      u64 next_block = 100;
      std::vector<Mapping> const first = random_file(random, next_block);
      std::vector<Mapping> const second = random_file(random, next_block);
      BlockRange const range{FileBlock(random() % 20), FileBlock(random() % 20),
                             BlockCount(1 + random() % 20)};
      Model model1 = model_of(first);
      Model model2 = model_of(second);
      exchange(model1, model2, range);

      MappingPair const now = exchange_mappings(first, second, range);

      CAPTURE(round);
      REQUIRE(model_of(now.first) == model1);
      REQUIRE(model_of(now.second) == model2);
      REQUIRE(sorted_and_merged(now.first));
      REQUIRE(sorted_and_merged(now.second));
    }
  }

  TEST_CASE("neighbours join up to the length that a record can hold") {
    std::vector<Mapping> mappings{
        {FileBlock(0), FsBlock(1000), BlockCount(mapping_length_max - 1), false},
        {FileBlock(mapping_length_max - 1), FsBlock(999 + mapping_length_max), BlockCount(1),
         false},
        {FileBlock(mapping_length_max), FsBlock(1000 + mapping_length_max), BlockCount(1), false}};
    merge_mappings(mappings);
    REQUIRE(mappings.size() == 2);
    CHECK(mappings[0].length == BlockCount(mapping_length_max));
    CHECK(mappings[1].length == BlockCount(1));
    CHECK(mapped_blocks(mappings) == BlockCount(mapping_length_max + 1));
  }
}
