#include "recovery/finish_bring_in.h"

#include "attr/block.h"
#include "attr/fork_map.h"
#include "attr/free_blocks.h"
#include "attr/short_form.h"
#include "symlink/bring_in.h"
#include "symlink/symlink.h"

namespace xfsx::inline v0 {

namespace {

/// The leaf that is the whole fork; null if there is more, or another block.
Result<BufferRef> only_leaf(Transaction& txn, Inode const& inode, ForkMap const& map) {
  bool const one = map.mappings().size() == 1 && map.mappings().front().offset == FileBlock(0) &&
                   map.mappings().front().length == BlockCount(1);
  if (!one) return BufferRef();
  Geometry const& g = txn.volume().geometry();
  FsBlock const at = map.mappings().front().start;
  XFSX_TRY(BufferRef const block, load_attr_block(txn.volume(), inode, at));
  if (attr_block_role(g.version(), block->bytes()) != AttrBlockRole::leaf) return BufferRef();
  return txn.read(attr_leaf_kind, g.daddr(at), g.sectors(BlockCount(1)), inode.number);
}

Result<void> bring_list_in(Transaction& txn, Inode const& inode) {
  Geometry const& g = txn.volume().geometry();
  if (fork_format(inode, ForkKind::attr) != disk::ForkFormat::extents) return success();
  XFSX_TRY(ForkMap const map, ForkMap::read(txn.volume(), inode));
  XFSX_TRY(BufferRef const leaf, only_leaf(txn, inode, map));
  if (!leaf) return success();
  XFSX_TRY(std::optional<ShortForm> const form,
           short_form_of(inode, leaf->bytes(), map.located_at(map.mappings().front().start)));
  if (!form) return success();
  XFSX_TRY(Bytes const copy, txn.edit_inode(inode.number, inode.place, inode.cluster));
  XFSX_TRYV(txn.release(leaf));
  XFSX_TRYV(free_fork_blocks(txn, inode, copy, map, {0}));
  set_short_form(copy, *form);
  let_empty_fork_go(g, copy);
  return success();
}

Result<void> bring_link_in(Transaction& txn, Inode const& inode) {
  bool const in_blocks = fork_format(inode, ForkKind::data) == disk::ForkFormat::extents;
  if (!in_blocks || inode.size() > inode.data_fork_size()) return success();
  XFSX_TRY(std::string const target, read_symlink(txn.volume(), inode));
  XFSX_TRY(std::vector<Mapping> const mappings,
           collect_mappings(txn.volume(), inode, ForkKind::data));
  XFSX_TRY(Bytes const copy, txn.edit_inode(inode.number, inode.place, inode.cluster));
  return bring_target_in(txn, inode.number, copy, target, mappings);
}

}  // namespace

Result<void> bring_in(Workbench& bench, BringInWork const& work) {
  XFSX_TRY(Inode const inode, load_inode(bench.volume(), work.inode));
  Transaction txn(bench.volume());
  if (work.fork == ForkKind::attr) {
    XFSX_TRYV(bring_list_in(txn, inode));
  } else if (inode.is_symlink()) {
    XFSX_TRYV(bring_link_in(txn, inode));
  }
  return bench.take(txn);
}

}  // namespace xfsx::inline v0
