#include "attr/tree_editor.h"

#include "attr/block.h"
#include "attr/tree_nodes.h"
#include "base/checked.h"
#include "disk/attr.h"
#include "format/verify_dir.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::AttrLeafHeader;

u16 count_of(ConstBytes leaf) {
  return view_as<AttrLeafHeader>(leaf).count.value();
}

void erase_entry(FormatVersion const& version, Bytes node, u32 entry) {
  std::span<disk::DaNodeEntry> const index = edit_index(version, node);
  std::ranges::copy(index.subspan(entry + 1), index.subspan(entry).begin());
  index.back() = {};
  edit_as<disk::DaNodeHeaderV4>(node, version.index_info).count =
      static_cast<u16>(index.size() - 1);
}

}  // namespace

Error TreeEditor::bad(BlockKind const& kind, FsBlock at, std::string_view field,
                      std::string_view reason) const {
  Error e = located(Errc::bad_value, kind.name, map_.located_at(at));
  e.field = field;
  e.reason = reason;
  return e;
}

Result<BufferRef> TreeEditor::read(BlockKind const& kind, u32 offset) {
  XFSX_TRY(FsBlock const at, map_.at(offset));
  return txn_.read(kind, geometry().daddr(at), geometry().sectors(BlockCount(1)), inode_.number);
}

/// Makes a neighbour's link, which led `from` a block, lead `to` the one behind it.
Result<void> TreeEditor::relink(BlockKind const& kind, u32 sibling, Link link, Change const& to) {
  if (sibling == 0) return success();
  XFSX_TRY(BufferRef const block, read(kind, sibling));
  XFSX_TRY(Bytes const copy, txn_.edit(block, inode_.number));
  disk::DaBlockInfoV4& info = edit_as<disk::DaBlockInfoV4>(copy);
  if ((info.*link).value() != to.before) {
    Error e = located(Errc::bad_value, kind.name, geometry().locate(block->daddr));
    e.owner = inode_.number;
    e.field = link == &disk::DaBlockInfoV4::forw ? "forw" : "back";
    e.found.number = (info.*link).raw();
    e.expected.number = to.before.raw();
    e.relation = Relation::equal;
    return e;
  }
  info.*link = to.after;
  return success();
}

/// Takes a block out of the chain of its level.
Result<void> TreeEditor::drop(BlockKind const& kind, BufferRef const& block, u32 offset) {
  DaBlock const forw = da_links(block->bytes()).forw.value();
  DaBlock const back = da_links(block->bytes()).back.value();
  XFSX_TRYV(relink(kind, back.raw(), &disk::DaBlockInfoV4::forw, {DaBlock(offset), forw}));
  XFSX_TRYV(relink(kind, forw.raw(), &disk::DaBlockInfoV4::back, {DaBlock(offset), back}));
  dropped_.insert(offset);
  return txn_.release(block);
}

Result<void> TreeEditor::remove_entry() {
  ConstBytes const old = place_.leaf->bytes();
  if (count_of(old) == 1 && !is_leaf_) return drop_leaf();
  Location where = geometry().locate(place_.leaf->daddr);
  where.owner = inode_.number;
  XFSX_TRY(Bytes const leaf, txn_.edit(place_.leaf, inode_.number));
  XFSX_TRYV(pack_leaf_without(place_.entry, old, leaf, where));
  u32 const last_hash = attr_leaf_last_hash(leaf);
  if (last_hash == attr_leaf_last_hash(old)) return success();
  return follow_last_hash(txn_, inode_.number, place_.nodes, last_hash);
}

Result<void> TreeEditor::drop_leaf() {
  std::span<NodeStep const> nodes = place_.nodes;
  BlockKind const* kind = &attr_leaf_kind;
  BufferRef block = place_.leaf;
  while (!nodes.empty()) {
    NodeStep const& step = nodes.back();
    nodes = nodes.first(nodes.size() - 1);
    u32 const offset = da_node_index(version(), step.node->bytes())[step.entry].before.raw();
    XFSX_TRYV(drop(*kind, block, offset));
    XFSX_TRY(Bytes const node, txn_.edit(step.node, inode_.number));
    erase_entry(version(), node, step.entry);
    std::span<disk::DaNodeEntry const> const index = da_node_index(version(), node);
    if (!index.empty()) {
      if (step.entry == index.size()) {
        XFSX_TRYV(follow_last_hash(txn_, inode_.number, nodes, index.back().hashval.value()));
      }
      return collapse_root();
    }
    kind = &da_node_kind;
    block = step.node;
  }
  return drop(*kind, block, 0);
}

/// As long as the root has one child only, that takes its place.
Result<void> TreeEditor::collapse_root() {
  while (!is_leaf_) {
    XFSX_TRY(BufferRef const root, read(da_node_kind, 0));
    std::span<disk::DaNodeEntry const> const index = da_node_index(version(), root->bytes());
    if (index.size() != 1) return success();
    is_leaf_ = da_node_level(version(), root->bytes()) == 1;
    BlockKind const& kind = is_leaf_ ? attr_leaf_kind : da_node_kind;
    u32 const offset = index[0].before.raw();
    XFSX_TRY(BufferRef const child, read(kind, offset));
    XFSX_TRYV(drop(kind, child, offset));
    XFSX_TRYV(txn_.release(root));
    XFSX_TRY(Bytes const copy, txn_.create(kind, root->daddr, root->length, inode_.number));
    std::ranges::copy(child->bytes(), copy.begin());
    disk::DaBlockInfo& info = edit_as<disk::DaBlockInfo>(copy);
    info.forw = info.back = DaBlock(0);
    info.bno = root->daddr;
  }
  return success();
}

Result<void> TreeEditor::drop_value() {
  u32 const room = geometry().block_size() - version().attr_value;
  u32 const blocks = div_round_up(place_.value_size, room);
  for (u32 i = 0; i < blocks; ++i) {
    u32 const offset = place_.value_block + i;
    XFSX_TRY(FsBlock const at, map_.at(offset));
    XFSX_TRY(BufferRef const block, load_attr_block(txn_.volume(), inode_, at));
    if (attr_block_role(version(), block->bytes()) != AttrBlockRole::value) {
      return bad(attr_leaf_kind, at, "valueblk", "a block of the value holds none");
    }
    dropped_.insert(offset);
  }
  return success();
}

Result<BufferRef> TreeEditor::only_leaf() {
  if (is_gone() || !is_leaf_) return BufferRef();
  return read(attr_leaf_kind, 0);
}

Result<bool> TreeEditor::is_empty() {
  XFSX_TRY(BufferRef const leaf, only_leaf());
  return leaf ? count_of(leaf->bytes()) == 0 : is_gone();
}

Result<void> TreeEditor::drop_only_leaf() {
  XFSX_TRY(BufferRef const leaf, read(attr_leaf_kind, 0));
  return drop(attr_leaf_kind, leaf, 0);
}

Result<void> pack_leaf_without(u32 gone, ConstBytes old, Bytes leaf, Location const& where) {
  XFSX_TRY(std::vector<LeafEntry> entries, entries_of_leaf(old, where));
  entries.erase(entries.begin() + gone);
  lay_out_entries(entries, leaf);
  return success();
}

}  // namespace xfsx::inline v0
