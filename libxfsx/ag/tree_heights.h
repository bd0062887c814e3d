#pragma once
// How high the btrees of an AG can become, and how many blocks the free list must hold so that one
// change of each can split every level.

#include "format/geometry.h"

namespace xfsx::inline v0 {

/// Blocks that a btree of `records` records takes when each block is as empty as may be. Least
/// counts are those of a leaf and of a node, at least 2.
u64 most_btree_blocks(u64 records, u64 least_leaf, u64 least_node);

/// Levels that the trees of free space, and the one of reverse mappings, may have in this
/// filesystem.
u32 highest_alloc_tree(Geometry const& geometry);
u32 highest_rmap_tree(Geometry const& geometry);

/// Heights of the trees whose blocks come from the free list.
struct ListTreeHeights {
  u32 bnobt = 1, cntbt = 1, rmapbt = 1;
};

/// Blocks that the free list of an AG holds before its trees change, as Linux has it: each tree
/// splits at every level and grows by one, twice.
u32 free_list_need(Geometry const& geometry, ListTreeHeights const& heights);

/// Blocks that Linux keeps free in an AG for its trees to grow into: how many each may come to
/// have.
struct TreeRoom {
  u64 finobt = 0, refcountbt = 0, rmapbt = 0;

  [[nodiscard]] u64 sum() const { return finobt + refcountbt + rmapbt; }
};
TreeRoom tree_room(Geometry const& geometry, AgNumber ag);

/// Blocks of an AG that Linux gives to nobody, beyond those.
inline constexpr u64 set_aside_of_ag = 8;

}  // namespace xfsx::inline v0
