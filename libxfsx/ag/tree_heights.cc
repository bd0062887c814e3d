#include "ag/tree_heights.h"

#include "base/checked.h"
#include "format/verify_btree.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// Least counts of the blocks of a tree.
struct Least {
  u64 leaf, node;
};

Least least_of(Geometry const& g, BtreeShape const& shape) {
  BtreeShape const here = shape.on(g.version());
  return {here.max_records(g.block_size(), 0) / 2, here.max_records(g.block_size(), 1) / 2};
}

u32 levels_for(u64 records, Least const& least) {
  u64 blocks = div_round_up(records, least.leaf);
  u32 levels = 1;
  while (blocks > 1) {
    blocks = div_round_up(blocks, least.node);
    ++levels;
  }
  return levels;
}

/// Levels that `blocks` blocks can pile up to: each node above the leaves has as few children as
/// may be.
u32 levels_from(u64 blocks, Least const& least) {
  if (blocks == 0) return 0;
  u64 level_blocks = 2;  // below the root
  u32 levels = 1;
  --blocks;
  while (blocks >= level_blocks) {
    blocks -= level_blocks;
    level_blocks *= least.node;
    ++levels;
  }
  return levels;
}

u64 tree_blocks(Geometry const& g, u64 records, BtreeShape const& shape) {
  Least const least = least_of(g, shape);
  return most_btree_blocks(records, least.leaf, least.node);
}

u64 tree_blocks_of_inodes(Geometry const& g, u64 ag_blocks) {
  return tree_blocks(g, ag_blocks * g.inodes_per_block() / inodes_per_chunk, inobt_shape);
}

}  // namespace

u64 most_btree_blocks(u64 records, u64 least_leaf, u64 least_node) {
  u64 level = div_round_up(records, least_leaf);
  u64 sum = level;
  while (level > 1) {
    level = div_round_up(level, least_node);
    sum += level;
  }
  return sum;
}

u32 highest_alloc_tree(Geometry const& g) {
  u64 const records = (u64{g.ag_blocks()} + 1) / 2;
  return std::min(levels_for(records, least_of(g, alloc_shape)), max_alloc_height);
}

u32 highest_rmap_tree(Geometry const& g) {
  Least const least = least_of(g, rmapbt_shape);
  // Where blocks are shared there is no end to the records but that the tree fills the AG.
  u32 const levels = g.has_ro(ro_compat::reflink) ? levels_from(g.ag_blocks(), least)
                                                  : levels_for(g.ag_blocks(), least);
  return std::min(levels, max_rmapbt_height);
}

u32 free_list_need(Geometry const& g, ListTreeHeights const& heights) {
  auto const twice = [](u32 height, u32 highest) { return 2 * std::min(height + 1, highest) - 2; };
  u32 const alloc = highest_alloc_tree(g);
  u32 const need = twice(heights.bnobt, alloc) + twice(heights.cntbt, alloc);
  if (!g.has_ro(ro_compat::rmapbt)) return need;
  return need + twice(heights.rmapbt, highest_rmap_tree(g));
}

TreeRoom tree_room(Geometry const& g, AgNumber ag) {
  u64 blocks = g.blocks_of(ag);
  if (g.has_internal_log() && g.ag_of(g.log_start()) == ag) blocks -= g.log_blocks();
  TreeRoom room;
  if (g.has_ro(ro_compat::reflink)) room.refcountbt = tree_blocks(g, blocks, refcountbt_shape);
  if (g.has_ro(ro_compat::finobt)) room.finobt = tree_blocks_of_inodes(g, blocks);
  if (g.has_ro(ro_compat::rmapbt)) {
    room.rmapbt = std::max(blocks / 100, tree_blocks(g, blocks, rmapbt_shape));
  }
  return room;
}

}  // namespace xfsx::inline v0
