#include "exchange/mapping_walk.h"

#include "base/checked.h"

#include <algorithm>
#include <iterator>

namespace xfsx::inline v0 {

namespace {

/// Where a piece of a file lies, and where it goes.
struct Move {
  FileBlock from, to;
  BlockCount length;

  [[nodiscard]] FileBlock end() const { return from + length; }
};

/// Adds what of `m` lies outside of `moves`, from `next` on, which is left at the last that touches
/// it.
void add_outside(Mapping const& m, std::span<Move const> moves, std::size_t& next,
                 std::vector<Mapping>& out) {
  while (next < moves.size() && moves[next].end() <= m.offset) ++next;
  FileBlock at = m.offset;
  std::size_t i = next;
  for (; i < moves.size() && moves[i].from < m.end(); ++i) {
    if (at < moves[i].from) out.push_back(clip_mapping(m, at, moves[i].from));
    at = moves[i].end();
  }
  if (at < m.end()) out.push_back(clip_mapping(m, at, m.end()));
}

/// What of `mappings` lies outside of `moves`.
std::vector<Mapping> outside(std::span<Mapping const> mappings, std::span<Move const> moves) {
  std::vector<Mapping> out;
  out.reserve(mappings.size() + 1);
  std::size_t next = 0;
  for (Mapping const& m : mappings) add_outside(m, moves, next, out);
  return out;
}

/// What of `mappings` lies inside of `moves`, moved.
std::vector<Mapping> moved(std::span<Mapping const> mappings, std::span<Move const> moves) {
  std::vector<Mapping> out;
  std::size_t i = 0;
  for (Move const& move : moves) {
    while (i < mappings.size() && mappings[i].end() <= move.from) ++i;
    for (std::size_t j = i; j < mappings.size() && mappings[j].offset < move.end(); ++j) {
      Mapping m = clip_mapping(mappings[j], move.from, move.end());
      m.offset = move.to + (m.offset - move.from);
      out.push_back(m);
    }
  }
  return out;
}

std::vector<Mapping> joined(std::vector<Mapping> const& a, std::vector<Mapping> const& b) {
  std::vector<Mapping> out;
  out.reserve(a.size() + b.size());
  std::ranges::merge(a, b, std::back_inserter(out), {}, &Mapping::offset, &Mapping::offset);
  merge_mappings(out);
  return out;
}

std::vector<Move> moves_of(std::span<BlockRange const> ranges, FileBlock BlockRange::* from,
                           FileBlock BlockRange::* to) {
  std::vector<Move> moves;
  moves.reserve(ranges.size());
  for (BlockRange const& r : ranges) moves.push_back({r.*from, r.*to, r.length});
  return moves;
}

}  // namespace

MappingPair exchange_mappings(std::span<Mapping const> first, std::span<Mapping const> second,
                              std::span<BlockRange const> ranges) {
  std::vector<Move> const there = moves_of(ranges, &BlockRange::start1, &BlockRange::start2);
  std::vector<Move> const back = moves_of(ranges, &BlockRange::start2, &BlockRange::start1);
  return {joined(outside(first, there), moved(second, back)),
          joined(outside(second, back), moved(first, there))};
}

std::vector<Mapping> exchange_within(std::span<Mapping const> mappings,
                                     std::span<BlockRange const> ranges) {
  std::vector<Move> const there = moves_of(ranges, &BlockRange::start1, &BlockRange::start2);
  std::vector<Move> const back = moves_of(ranges, &BlockRange::start2, &BlockRange::start1);
  bool const forward = ranges.empty() || ranges.front().start1 < ranges.front().start2;
  std::vector<Move> all = forward ? there : back;
  std::ranges::copy(forward ? back : there, std::back_inserter(all));
  std::vector<Mapping> const gone = joined(moved(mappings, there), moved(mappings, back));
  return joined(outside(mappings, all), gone);
}

std::vector<BlockRange> written_ranges(std::span<Mapping const> first, BlockRange const& range,
                                       BlockCount unit) {
  std::vector<BlockRange> out;
  u64 const begin = range.start1.raw();
  u64 const end = begin + range.length.raw();
  u64 const each = unit.raw();
  for (Mapping const& m : first) {
    if (m.unwritten || m.end().raw() <= begin || m.offset.raw() >= end) continue;
    // Units are counted from the start of the file, where the range begins on one.
    u64 from = std::max(m.offset.raw() / each * each, begin);
    u64 const to = std::min(round_up(m.end().raw(), each), end);
    bool const follows = !out.empty() && out.back().start1.raw() + out.back().length.raw() >= from;
    if (follows) {
      from = out.back().start1.raw();
      out.pop_back();
    }
    out.push_back(
        {FileBlock(from), range.start2 + BlockCount(from - begin), BlockCount(to - from)});
  }
  return out;
}

Mapping clip_mapping(Mapping const& mapping, FileBlock from, FileBlock to) {
  FileBlock const begin = std::max(mapping.offset, from);
  FileBlock const end = std::min(mapping.end(), to);
  return {begin, mapping.start + (begin - mapping.offset), end - begin, mapping.unwritten};
}

std::vector<Mapping> mappings_inside(std::span<Mapping const> mappings, FileBlock from,
                                     BlockCount length) {
  FileBlock const to = from + length;
  std::vector<Mapping> out;
  auto at = std::ranges::upper_bound(mappings, from, {}, &Mapping::end);
  for (; at != mappings.end() && at->offset < to; ++at) {
    out.push_back(clip_mapping(*at, from, to));
  }
  return out;
}

void merge_mappings(std::vector<Mapping>& mappings) {
  std::size_t used = 0;
  for (Mapping const& m : mappings) {
    if (used != 0) {
      Mapping& last = mappings[used - 1];
      bool const joins = last.end() == m.offset && last.start + last.length == m.start &&
                         last.unwritten == m.unwritten &&
                         last.length.raw() + m.length.raw() <= mapping_length_max;
      if (joins) {
        last.length = last.length + m.length;
        continue;
      }
    }
    mappings[used++] = m;
  }
  mappings.resize(used);
}

BlockCount mapped_blocks(std::span<Mapping const> mappings) {
  BlockCount sum(0);
  for (Mapping const& m : mappings) sum = sum + m.length;
  return sum;
}

}  // namespace xfsx::inline v0
