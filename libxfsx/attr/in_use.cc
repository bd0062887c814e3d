#include "attr/in_use.h"

#include "attr/block.h"
#include "attr/list.h"
#include "base/checked.h"
#include "format/verify_dir.h"

#include <vector>

namespace xfsx::inline v0 {

namespace {

/// Takes what a leaf's values lie in out of `blocks`.
Result<void> leave_out_values(Geometry const& geometry, ConstBytes leaf, Location const& where,
                              std::set<u64>& blocks) {
  u32 const room = geometry.block_size() - geometry.version().attr_value;
  auto const visit = [&](StoredAttribute const& a) -> Result<bool> {
    if (!a.remote || a.incomplete) return true;
    u64 const end = u64{a.value_block} + div_round_up(a.value_size, room);
    blocks.erase(blocks.lower_bound(a.value_block), blocks.lower_bound(end));
    return true;
  };
  XFSX_TRYV(visit_attr_leaf(geometry.version(), leaf, where, visit));
  return success();
}

}  // namespace

Result<std::set<u64>> left_over_blocks(Volume& volume, Inode const& inode, ForkMap const& map) {
  Geometry const& g = volume.geometry();
  std::set<u64> blocks;
  for (Mapping const& m : map.mappings()) {
    for (u64 i = 0; i < m.length.raw(); ++i) blocks.insert(m.offset.raw() + i);
  }
  std::vector<u32> next{0};
  while (!next.empty()) {
    u32 const offset = next.back();
    next.pop_back();
    XFSX_TRY(FsBlock const at, map.at(offset));
    if (blocks.erase(offset) == 0) {
      Error e = located(Errc::loop, "da node", map.located_at(at));
      e.field = "before";
      e.reason = "two ways lead to one block of the hash tree";
      return e;
    }
    XFSX_TRY(BufferRef const block, load_attr_block(volume, inode, at));
    if (attr_block_role(g.version(), block->bytes()) == AttrBlockRole::node) {
      XFSX_TRYV(
          volume.cache().load(da_node_kind, g.daddr(at), g.sectors(BlockCount(1)), inode.number));
      for (disk::DaNodeEntry const& e : da_node_index(g.version(), block->bytes())) {
        next.push_back(e.before.raw());
      }
    } else {
      XFSX_TRYV(leave_out_values(g, block->bytes(), map.located_at(at), blocks));
    }
  }
  return blocks;
}

}  // namespace xfsx::inline v0
