#pragma once
// The exchange of ranges as arithmetic on lists of mappings: what lies in a range of one list goes
// to the range of the other, holes included, and neighbours that can be one mapping become one.
// Pure.

#include "format/mapping.h"

#include <span>
#include <vector>

namespace xfsx::inline v0 {

/// A range of two files, or two ranges of one, in filesystem blocks.
struct BlockRange {
  FileBlock start1;
  FileBlock start2;
  BlockCount length;
};

struct MappingPair {
  std::vector<Mapping> first;
  std::vector<Mapping> second;
};

/// Exchanges ranges of two sorted lists of different files. The ranges are in order and do not
/// overlap, in either file. Throws std::bad_alloc.
MappingPair exchange_mappings(std::span<Mapping const> first, std::span<Mapping const> second,
                              std::span<BlockRange const> ranges);

/// Exchanges ranges of one file: all of the first ones lie before, or behind, all of the second.
std::vector<Mapping> exchange_within(std::span<Mapping const> mappings,
                                     std::span<BlockRange const> ranges);

/// The parts of `range` for which the first file has written blocks. With allocation units of more
/// than one block (`unit`), a unit goes as a whole if any block of it is written.
std::vector<BlockRange> written_ranges(std::span<Mapping const> first, BlockRange const& range,
                                       BlockCount unit);

/// The part of `mapping` inside [from, to), which it overlaps.
Mapping clip_mapping(Mapping const& mapping, FileBlock from, FileBlock to);

/// What of sorted mappings lies in `length` blocks from `from`.
std::vector<Mapping> mappings_inside(std::span<Mapping const> mappings, FileBlock from,
                                     BlockCount length);

/// Joins neighbours that are adjacent in the file and on disk and agree in their state.
void merge_mappings(std::vector<Mapping>& mappings);

/// Blocks of all mappings.
BlockCount mapped_blocks(std::span<Mapping const> mappings);

}  // namespace xfsx::inline v0
