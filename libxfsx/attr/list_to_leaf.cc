#include "attr/list_to_leaf.h"

#include "attr/block.h"
#include "attr/leaf_entries.h"
#include "disk/attr.h"
#include "inode/fork_editor.h"
#include "rt/reserve.h"

namespace xfsx::inline v0 {

using disk::AttrLeafHeader;

Result<void> lay_out_leaf(ConstBytes list, Bytes leaf, Location const& where) {
  XFSX_TRY(std::vector<LeafEntry> const entries, entries_of_list(list, where));
  std::size_t need = 0;
  for (LeafEntry const& e : entries) need += bytes_taken(e);
  // Short names take more room in a leaf.
  if (need > leaf_room(static_cast<u32>(leaf.size()))) {
    return refuse(EOPNOTSUPP, "the attributes neither fit the inode nor one leaf");
  }
  lay_out_entries(entries, leaf);
  return success();
}

Result<void> put_list_in_leaf(Transaction& txn, InodeNumber number, Bytes copy, ConstBytes list) {
  Geometry const& g = txn.volume().geometry();
  FsBlock const near = block_of_inode(g, number);
  Space space(txn);
  space.keep_back(realtime_tree_room(g), [&] { return realtime_tree_room_left(txn.volume()); });
  // Reverse mappings of the only block of a fork, at its start, look like those of blocks without
  // a place in one.
  XFSX_TRY(FsBlock const at, space.allocate(near, RunOwner{number.raw(), true, false}));
  Daddr const daddr = g.daddr(at);
  XFSX_TRY(Bytes const leaf, txn.create(attr_leaf_kind, daddr, g.sectors(BlockCount(1)), number));
  AttrLeafHeader& header = edit_as<AttrLeafHeader>(leaf);
  header.magic = disk::attr_leaf_magic;
  header.bno = daddr;
  header.uuid = g.meta_uuid();
  header.owner = number;
  XFSX_TRYV(lay_out_leaf(list, leaf, g.locate(daddr)));

  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  core.nblocks = core.nblocks.value() + 1;
  Mapping const mapping{FileBlock(0), at, BlockCount(1)};
  XFSX_TRYV(change_fork(txn, space, {number, copy, ForkKind::attr}, {}, {&mapping, 1}));
  return space.finish();
}

}  // namespace xfsx::inline v0
