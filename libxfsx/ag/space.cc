#include "ag/space.h"

#include "base/view.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"

namespace xfsx::inline v0 {

Result<SpaceOfAg*> Space::in(AgNumber ag) {
  std::unique_ptr<SpaceOfAg>& space = ags_[ag.raw()];
  if (!space) {
    XFSX_TRY(space, SpaceOfAg::open(txn_, ag));
  }
  return space.get();
}

/// Free blocks by the superblock's count.
Result<u64> Space::counted_free() {
  SectorCount const sector(txn_.volume().geometry().sector_size() / basic_block_size);
  XFSX_TRY(BufferRef const block, txn_.read(superblock_kind, Daddr(0), sector));
  return view_as<disk::Superblock>(block->bytes()).fdblocks.value() +
         static_cast<u64>(free_blocks_);
}

void Space::keep_back(u64 most, std::function<Result<u64>()> exactly) {
  most_kept_ = most;
  kept_ = std::move(exactly);
}

Result<u64> Space::unavailable_in_ags() {
  if (unavailable_) return *unavailable_;
  u64 sum = 0;
  for (u32 ag = 0; ag < txn_.volume().geometry().ag_count(); ++ag) {
    XFSX_TRY(SpaceOfAg* const space, in(AgNumber(ag)));
    XFSX_TRY(u64 const kept, space->unavailable());
    sum += kept;
  }
  unavailable_ = sum;
  return sum;
}

/// Whether Linux would still have what it keeps back at a mount. Only where that could be too
/// little are the headers of all AGs looked at.
Result<bool> Space::may_take(Use use) {
  Geometry const& g = txn_.volume().geometry();
  XFSX_TRY(u64 const free, counted_free());
  if (plenty_ == 0) {
    plenty_ = g.data_blocks() / 16;  // no trees of free space come to that
    for (u32 ag = 0; ag < g.ag_count(); ++ag) {
      plenty_ += tree_room(g, AgNumber(ag)).sum() + set_aside_of_ag;
    }
  }
  bool const more_kept = use == Use::of_files && most_kept_ != 0;
  if (free > plenty_ + (more_kept ? most_kept_ : 0)) return true;
  XFSX_TRY(u64 kept, unavailable_in_ags());
  if (more_kept) {
    XFSX_TRY(u64 const further, kept_());
    kept += further;
  }
  return free > kept;
}

Result<FsBlock> Space::allocate(FsBlock near, RunOwner const& owner, Use use) {
  Geometry const& g = txn_.volume().geometry();
  XFSX_TRY(bool const may, may_take(use));
  if (!may) return refuse(ENOSPC, "no free block for metadata beyond those kept back");
  u32 const first = g.ag_of(near).raw();
  for (u32 i = 0; i < g.ag_count(); ++i) {
    AgNumber const ag((first + i) % g.ag_count());
    XFSX_TRY(SpaceOfAg* const space, in(ag));
    AgBlock const from = i == 0 ? g.agblock_of(near) : AgBlock(0);
    XFSX_TRY(std::optional<AgBlock> const block, space->allocate(from, owner));
    if (!block) continue;
    --free_blocks_;
    return g.fsblock(ag, *block);
  }
  return refuse(ENOSPC, "no AG has a free block for a block of metadata");
}

Result<AgBlock> Space::allocate_for_tree(AgNumber ag, AgBlock near, RunOwner const& owner) {
  XFSX_TRY(SpaceOfAg* const space, in(ag));
  XFSX_TRY(std::optional<AgBlock> const block, space->allocate_for_tree(near, owner));
  if (!block) return refuse(ENOSPC, "an AG has no free block left for one of its btrees");
  --free_blocks_;
  return *block;
}

Result<void> Space::release(FsBlock first, BlockCount length, RunOwner const& owner) {
  Geometry const& g = txn_.volume().geometry();
  XFSX_TRY(SpaceOfAg* const space, in(g.ag_of(first)));
  XFSX_TRYV(space->release(g.agblock_of(first), static_cast<u32>(length.raw()), owner));
  free_blocks_ += static_cast<s64>(length.raw());
  return success();
}

Result<void> Space::release_mapped(FsBlock first, BlockCount length) {
  Geometry const& g = txn_.volume().geometry();
  XFSX_TRY(SpaceOfAg* const space, in(g.ag_of(first)));
  XFSX_TRYV(space->release_mapped(g.agblock_of(first), static_cast<u32>(length.raw())));
  free_blocks_ += static_cast<s64>(length.raw());
  return success();
}

Result<void> Space::change_mappings(AgNumber ag, std::vector<BtreeEdit<Rmapbt>> edits) {
  if (!txn_.volume().geometry().has_ro(ro_compat::rmapbt) || edits.empty()) return success();
  XFSX_TRY(SpaceOfAg* const space, in(ag));
  space->change_mappings(std::move(edits));
  return success();
}

Result<void> Space::finish() {
  for (auto const& [ag, space] : ags_) {
    XFSX_TRYV(space->finish());
  }
  if (free_blocks_ == 0) return success();
  SectorCount const sector(txn_.volume().geometry().sector_size() / basic_block_size);
  XFSX_TRY(BufferRef const block, txn_.read(superblock_kind, Daddr(0), sector));
  XFSX_TRY(Bytes const copy, txn_.edit(block));
  disk::Superblock& sb = edit_as<disk::Superblock>(copy);
  sb.fdblocks = sb.fdblocks.value() + static_cast<u64>(free_blocks_);
  return success();
}

}  // namespace xfsx::inline v0
