#include "exchange/mapping_walk.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// The part of `m` inside [from, to), which it overlaps.
Mapping clip(Mapping const& m, FileBlock from, FileBlock to) {
  FileBlock const begin = std::max(m.offset, from);
  FileBlock const end = std::min(m.end(), to);
  return {begin, m.start + (begin - m.offset), end - begin, m.unwritten};
}

bool overlaps(Mapping const& m, FileBlock from, FileBlock to) {
  return m.offset < to && m.end() > from;
}

/// What of `own` lies outside its range, and what of `other` lies inside its, moved over.
std::vector<Mapping> assemble(std::span<Mapping const> own, FileBlock own_start,
                              std::span<Mapping const> other, FileBlock other_start,
                              BlockCount length) {
  FileBlock const own_end = own_start + length;
  FileBlock const other_end = other_start + length;
  std::vector<Mapping> out;
  out.reserve(own.size() + other.size() + 2);
  for (Mapping const& m : own) {
    if (m.offset < own_start) out.push_back(clip(m, FileBlock(0), own_start));
  }
  for (Mapping const& m : other) {
    if (!overlaps(m, other_start, other_end)) continue;
    Mapping moved = clip(m, other_start, other_end);
    moved.offset = own_start + (moved.offset - other_start);
    out.push_back(moved);
  }
  for (Mapping const& m : own) {
    if (m.end() > own_end) out.push_back(clip(m, own_end, m.end()));
  }
  merge_mappings(out);
  return out;
}

}  // namespace

MappingPair exchange_mappings(std::span<Mapping const> first, std::span<Mapping const> second,
                              BlockRange const& range) {
  return {assemble(first, range.start1, second, range.start2, range.length),
          assemble(second, range.start2, first, range.start1, range.length)};
}

void merge_mappings(std::vector<Mapping>& mappings) {
  std::vector<Mapping> merged;
  merged.reserve(mappings.size());
  for (Mapping const& m : mappings) {
    if (!merged.empty()) {
      Mapping& last = merged.back();
      bool const joins = last.end() == m.offset && last.start + last.length == m.start &&
                         last.unwritten == m.unwritten &&
                         last.length.raw() + m.length.raw() <= mapping_length_max;
      if (joins) {
        last.length = last.length + m.length;
        continue;
      }
    }
    merged.push_back(m);
  }
  mappings = std::move(merged);
}

BlockCount mapped_blocks(std::span<Mapping const> mappings) {
  BlockCount sum(0);
  for (Mapping const& m : mappings) sum = sum + m.length;
  return sum;
}

}  // namespace xfsx::inline v0
