#include "rt/reserve.h"

#include "ag/tree_heights.h"
#include "format/verify_btree.h"
#include "rt/group_tree.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// The trees of a group, by what the filesystem has.
std::vector<disk::MetaType> group_trees(Geometry const& g) {
  std::vector<disk::MetaType> types;
  if (!g.has_realtime() || !g.realtime().groups) return types;
  if (g.has_ro(ro_compat::rmapbt)) types.push_back(disk::MetaType::rt_rmap);
  if (g.has_ro(ro_compat::reflink)) types.push_back(disk::MetaType::rt_refcount);
  return types;
}

u64 tree_blocks(Geometry const& g, BtreeShape const& shape) {
  u32 const block = g.block_size();
  return most_btree_blocks(g.realtime().group_blocks(), shape.max_records(block, 0) / 2,
                           shape.max_records(block, 1) / 2);
}

u64 room_of_tree(Geometry const& g, disk::MetaType type) {
  if (type == disk::MetaType::rt_refcount) return tree_blocks(g, rtrefcountbt_shape);
  return std::max(g.realtime().group_blocks() / 100, tree_blocks(g, rtrmapbt_shape));
}

}  // namespace

u64 realtime_tree_room(Geometry const& geometry) {
  u64 of_group = 0;
  for (disk::MetaType const type : group_trees(geometry)) of_group += room_of_tree(geometry, type);
  return std::min(of_group * geometry.realtime().group_count, geometry.data_blocks() / 4);
}

Result<u64> realtime_tree_room_left(Volume& volume) {
  Geometry const& g = volume.geometry();
  u64 const room = realtime_tree_room(g);
  u64 used = 0;
  for (u32 group = 0; group < g.realtime().group_count; ++group) {
    for (disk::MetaType const type : group_trees(g)) {
      XFSX_TRY(Inode const inode, find_group_tree(volume, group, type));
      used += inode.nblocks();
    }
  }
  return room > used ? room - used : 0;
}

}  // namespace xfsx::inline v0
