#include "fs/owners.h"

#include <algorithm>
#include <tuple>

namespace xfsx::inline v0 {

namespace {

/// What two runs must have alike to be one if they touch.
auto identity(BlockOwner const& r) {
  return std::tuple(r.ag, r.kind, r.inode, r.fork, r.mapping_block, r.unwritten);
}

auto by_identity(BlockOwner const& r) {
  return std::tuple_cat(identity(r), std::tuple(r.agblock, r.offset));
}

auto by_place(BlockOwner const& r) {
  return std::tuple(r.ag, r.agblock, r.kind, r.inode, r.fork, r.mapping_block, r.offset,
                    r.unwritten);
}

u64 end_of_run(BlockOwner const& r) {
  return u64{r.agblock.raw()} + r.length;
}

/// A stretch of a fork, where file blocks go on with the blocks of the disk.
bool has_offsets(BlockOwner const& r) {
  return r.kind == OwnerKind::file && !r.mapping_block;
}

bool goes_on(BlockOwner const& a, BlockOwner const& b) {
  if (identity(a) != identity(b)) return false;
  if (!has_offsets(a)) return b.agblock.raw() <= end_of_run(a);
  return b.agblock.raw() == end_of_run(a) && b.offset == a.offset + BlockCount(a.length);
}

}  // namespace

u64 OwnerList::first_of(AgNumber ag) const {
  return range_.has(ag) ? range_.first : ~u64{0};
}

u64 OwnerList::end_of(AgNumber ag) const {
  return range_.has(ag) ? std::min<u64>(range_.end, geometry_.blocks_of(ag)) : 0;
}

void OwnerList::add(OwnerKind kind, AgNumber ag, AgBlock start, u64 length) {
  BlockOwner run;
  run.kind = kind;
  run.ag = ag;
  run.agblock = start;
  run.length = length;
  add_file(run);
}

void OwnerList::add_file(BlockOwner const& run) {
  u64 const from = std::max<u64>(run.agblock.raw(), first_of(run.ag));
  u64 const to = std::min(end_of_run(run), end_of(run.ag));
  if (from >= to) return;
  BlockOwner cut = run;
  cut.agblock = AgBlock(static_cast<u32>(from));
  cut.length = to - from;
  if (has_offsets(run)) cut.offset = run.offset + BlockCount(from - run.agblock.raw());
  runs_.push_back(cut);
}

void OwnerList::join() {
  std::ranges::sort(runs_, {}, by_identity);
  std::vector<BlockOwner> joined;
  for (BlockOwner const& run : runs_) {
    if (!joined.empty() && goes_on(joined.back(), run)) {
      BlockOwner& last = joined.back();
      last.length = std::max(end_of_run(last), end_of_run(run)) - last.agblock.raw();
    } else {
      joined.push_back(run);
    }
  }
  runs_ = std::move(joined);
  std::ranges::sort(runs_, {}, by_place);
}

void OwnerList::mark_shared() {
  BlockOwner* last = nullptr;  // the run of a file before this one
  u64 reach = 0;               // how far any of them goes
  for (BlockOwner& run : runs_) {
    if (!has_offsets(run)) continue;
    bool const same_ag = last != nullptr && last->ag == run.ag;
    if (same_ag && run.agblock.raw() < reach) run.shared = true;
    // What comes next begins first of all that follow: if it does not touch, none does.
    if (same_ag && run.agblock.raw() < end_of_run(*last)) last->shared = true;
    reach = same_ag ? std::max(reach, end_of_run(run)) : end_of_run(run);
    last = &run;
  }
}

void OwnerList::name_gaps() {
  std::vector<BlockOwner> gaps;
  auto run = runs_.begin();
  for (u32 ag = range_.first_ag; ag <= range_.last_ag; ++ag) {
    u64 at = first_of(AgNumber(ag));
    u64 const end = end_of(AgNumber(ag));
    auto const gap_until = [&](u64 to) {
      if (to <= at) return;
      BlockOwner gap;
      gap.ag = AgNumber(ag);
      gap.agblock = AgBlock(static_cast<u32>(at));
      gap.length = to - at;
      gaps.push_back(gap);
    };
    for (; run != runs_.end() && run->ag == AgNumber(ag); ++run) {
      gap_until(run->agblock.raw());
      at = std::max(at, end_of_run(*run));
    }
    gap_until(end);
  }
  runs_.insert(runs_.end(), gaps.begin(), gaps.end());
  std::ranges::sort(runs_, {}, by_place);
}

void OwnerList::complete(BlockOwner& run) const {
  run.fsblock = geometry_.fsblock(run.ag, run.agblock);
  run.daddr = geometry_.daddr(run.ag, run.agblock);
  if (run.kind != OwnerKind::inodes) return;
  u32 const first = run.agblock.raw() * geometry_.inodes_per_block();
  run.inode = geometry_.inode_number(run.ag, AgInode(first));
}

std::vector<BlockOwner> OwnerList::finish() {
  join();
  mark_shared();
  name_gaps();
  for (BlockOwner& run : runs_) complete(run);
  return std::move(runs_);
}

}  // namespace xfsx::inline v0
