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

      MappingPair const now = exchange_mappings(first, second, {&range, 1});

      CAPTURE(round);
      REQUIRE(model_of(now.first) == model1);
      REQUIRE(model_of(now.second) == model2);
      REQUIRE(sorted_and_merged(now.first));
      REQUIRE(sorted_and_merged(now.second));
    }
  }

  TEST_CASE("an exchange within a file is the exchange of each of its blocks") {
    std::mt19937 random(20261128);
    for (int round = 0; round < 20000; ++round) {
      u64 next_block = 100;
      std::vector<Mapping> const file = random_file(random, next_block);
      u64 const length = 1 + random() % 10;
      u64 const low = random() % 10;
      u64 const high = low + length + random() % 10;
      bool const forward = random() % 2 == 0;
      BlockRange const range{FileBlock(forward ? low : high), FileBlock(forward ? high : low),
                             BlockCount(length)};
      Model model = model_of(file);
      for (u64 i = 0; i < length; ++i) {
        auto first = model.extract(low + i);
        auto second = model.extract(high + i);
        if (!first.empty()) model[high + i] = first.mapped();
        if (!second.empty()) model[low + i] = second.mapped();
      }
      std::vector<Mapping> const now = exchange_within(file, {&range, 1});
      CAPTURE(round);
      REQUIRE(model_of(now) == model);
      REQUIRE(sorted_and_merged(now));
    }
  }

  TEST_CASE("written blocks alone: each unit with a written block goes as a whole") {
    std::mt19937 random(20261129);
    for (int round = 0; round < 20000; ++round) {
      u64 next_block = 100;
      u64 const unit = 1 + random() % 3;
      std::vector<Mapping> const first = random_file(random, next_block);
      std::vector<Mapping> const second = random_file(random, next_block);
      BlockRange const range{FileBlock(random() % 5 * unit), FileBlock(random() % 5 * unit),
                             BlockCount((1 + random() % 6) * unit)};
      Model model1 = model_of(first);
      Model model2 = model_of(second);
      for (u64 at = 0; at < range.length.raw(); at += unit) {
        bool written = false;
        for (u64 i = at; i < at + unit; ++i) {
          auto const block = model1.find(range.start1.raw() + i);
          written = written || (block != model1.end() && !block->second.second);
        }
        BlockRange const part{range.start1 + BlockCount(at), range.start2 + BlockCount(at),
                              BlockCount(unit)};
        if (written) exchange(model1, model2, part);
      }
      std::vector<BlockRange> const parts = written_ranges(first, range, BlockCount(unit));
      MappingPair const now = exchange_mappings(first, second, parts);
      CAPTURE(round);
      REQUIRE(model_of(now.first) == model1);
      REQUIRE(model_of(now.second) == model2);
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
