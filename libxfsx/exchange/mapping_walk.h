#pragma once
// The exchange of a range as arithmetic on two lists of mappings: what lies in the range of one
// list goes to the range of the other, holes included, and neighbours that can be one mapping
// become one. Pure.

#include "format/mapping.h"

#include <span>
#include <vector>

namespace xfsx::inline v0 {

/// A range of two files in filesystem blocks.
struct BlockRange {
  FileBlock start1;
  FileBlock start2;
  BlockCount length;
};

struct MappingPair {
  std::vector<Mapping> first;
  std::vector<Mapping> second;
};

/// Exchanges the range of two sorted lists of different files. Throws std::bad_alloc.
MappingPair exchange_mappings(std::span<Mapping const> first, std::span<Mapping const> second,
                              BlockRange const& range);

/// Joins neighbours that are adjacent in the file and on disk and agree in their state.
void merge_mappings(std::vector<Mapping>& mappings);

/// Blocks of all mappings.
BlockCount mapped_blocks(std::span<Mapping const> mappings);

}  // namespace xfsx::inline v0
