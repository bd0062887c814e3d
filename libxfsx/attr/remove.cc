#include "attr/remove.h"

#include "attr/block.h"
#include "attr/free_blocks.h"
#include "attr/in_use.h"
#include "attr/short_form.h"
#include "attr/tree_editor.h"
#include "inode/fork.h"

namespace xfsx::inline v0 {

namespace {

Result<bool> remove_from_inode(Geometry const& geometry, Inode const& inode, Bytes copy,
                               AttributeName const& which) {
  Bytes const fork = copy.last(InodeView(copy).attr_fork_size());
  XFSX_TRY(bool const removed, remove_from_short_form(fork, inode.location(geometry), which));
  if (removed) let_empty_fork_go(geometry, copy);
  return removed;
}

/// Whether the tree, less what is left over of it, has every block of the fork.
bool has_all_blocks(ForkMap const& map, std::set<u64> const& dropped, bool leaf) {
  u64 mapped = 0;
  for (Mapping const& m : map.mappings()) mapped += m.length.raw();
  return mapped == dropped.size() + (leaf ? 1 : 0);
}

Error left_over(Inode const& inode, Geometry const& geometry) {
  Error e = located(Errc::bad_value, "inode", inode.location(geometry));
  e.field = "forkoff";
  e.reason = "there are no attributes left, but the attribute fork cannot go";
  return e;
}

/// What is left of the tree as a list in the inode, if it is to go there.
Result<std::optional<ShortForm>> list_for_inode(TreeEditor& tree, ForkMap const& map,
                                                InodeView const& inode, Geometry const& geometry) {
  XFSX_TRY(BufferRef const leaf, tree.only_leaf());
  bool const all = has_all_blocks(map, tree.dropped(), leaf != nullptr);
  if (!all || (!leaf && !tree.is_gone())) return std::optional<ShortForm>();
  ConstBytes const bytes = leaf ? leaf->bytes() : ConstBytes();
  Location const where = leaf ? geometry.locate(leaf->daddr) : Location();
  XFSX_TRY(std::optional<ShortForm> form, short_form_of(inode, bytes, where));
  if (form && leaf) {
    XFSX_TRYV(tree.drop_only_leaf());
  }
  return form;
}

Result<void> remove_from_tree(Transaction& txn, Inode const& inode, Bytes copy,
                              AttributePlace const& place, bool incomplete) {
  Geometry const& geometry = txn.volume().geometry();
  XFSX_TRY(ForkMap const map, ForkMap::read(txn.volume(), inode));
  TreeEditor tree(txn, inode, map, place);
  XFSX_TRYV(tree.remove_entry());
  if (incomplete) {
    XFSX_TRY(std::set<u64> const left, left_over_blocks(txn.volume(), inode, map));
    tree.drop_blocks(left);
  } else if (place.remote) {
    XFSX_TRYV(tree.drop_value());
  }
  XFSX_TRY(std::optional<ShortForm> const form,
           list_for_inode(tree, map, InodeView(copy), geometry));
  XFSX_TRY(bool const empty, tree.is_empty());
  if (empty && !form) return left_over(inode, geometry);
  XFSX_TRYV(free_fork_blocks(txn, inode, copy, map, tree.dropped()));
  if (!form) return success();
  set_short_form(copy, *form);
  let_empty_fork_go(geometry, copy);
  return success();
}

}  // namespace

Result<bool> remove_attribute(Transaction& txn, Inode const& inode, Bytes copy,
                              AttributeName const& which) {
  XFSX_ASSERT(which.space != AttributeSpace::parent);
  if (!inode.has_attr_fork()) return false;
  if (fork_format(inode, ForkKind::attr) == disk::ForkFormat::local) {
    return remove_from_inode(txn.volume().geometry(), inode, copy, which);
  }
  // All of them are looked at: blocks that two values claim must not be freed.
  bool present = false;
  XFSX_TRYV(for_each_attribute(txn.volume(), inode, [&](StoredAttribute const& a) -> Result<bool> {
    present = present || is_named(a, which);
    return true;
  }));
  if (!present) return false;
  XFSX_TRY(AttributePlace const place, find_in_tree(txn.volume(), inode, which));
  XFSX_TRYV(remove_from_tree(txn, inode, copy, place, false));
  return true;
}

Result<bool> remove_by_hash(Transaction& txn, Inode const& inode, Bytes copy,
                            AttributeName const& which) {
  if (!inode.has_attr_fork()) return false;
  disk::ForkFormat const format = fork_format(inode, ForkKind::attr);
  if (format == disk::ForkFormat::local) {
    return remove_from_inode(txn.volume().geometry(), inode, copy, which);
  }
  if (format == disk::ForkFormat::extents && inode.anextents() == 0) return false;
  XFSX_TRY(std::optional<AttributePlace> const place, look_up_in_tree(txn.volume(), inode, which));
  if (!place) return false;
  XFSX_TRYV(remove_from_tree(txn, inode, copy, *place, which.incomplete));
  return true;
}

}  // namespace xfsx::inline v0
