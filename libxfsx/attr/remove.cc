#include "attr/remove.h"

#include "attr/block.h"
#include "attr/find.h"
#include "disk/attr.h"
#include "format/verify_dir.h"
#include "inode/fork.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::AttrLeafEntry;
using disk::AttrLeafHeader;
using disk::AttrShortEntry;
using disk::AttrShortHeader;

/// What would free a block of the fork.
Error refuse_to_free(std::string_view reason) {
  return refuse(EOPNOTSUPP, reason);
}

/// The attribute fork of a private copy.
Bytes attr_fork_of(Bytes inode) {
  return inode.last(InodeView(inode).attr_fork_size());
}

/// Linux keeps an empty fork beside a btree, whose root is laid out for the room that it has, and
/// where parent pointers will come again.
bool keeps_empty_fork(Geometry const& geometry, disk::Dinode const& core) {
  return static_cast<disk::ForkFormat>(core.format) == disk::ForkFormat::btree ||
         geometry.has(incompat::parent);
}

Result<bool> remove_from_inode(Transaction& txn, Inode const& inode, Bytes copy,
                               AttributeName const& which) {
  Geometry const& geometry = txn.volume().geometry();
  Bytes const fork = attr_fork_of(copy);
  XFSX_TRY(bool const removed, remove_from_short_form(fork, inode.location(geometry), which));
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  bool const empty = removed && view_as<AttrShortHeader>(fork).count == 0;
  if (!empty || keeps_empty_fork(geometry, core)) return removed;
  std::ranges::fill(fork, std::byte{0});
  core.forkoff = 0;
  core.aformat = static_cast<u8>(disk::ForkFormat::extents);
  return true;
}

/// Makes the nodes above a leaf name its last hash again.
Result<void> follow_hash(Transaction& txn, Inode const& inode, AttributePlace const& place,
                         u32 last_hash) {
  FormatVersion const& version = txn.volume().geometry().version();
  for (std::size_t i = place.nodes.size(); i-- > 0;) {
    NodeStep const& step = place.nodes[i];
    XFSX_TRY(Bytes const node, txn.edit(step.node, inode.number));
    std::span<disk::DaNodeEntry> const index = edit_array<disk::DaNodeEntry>(
        node, version.index_header, da_node_index(version, node).size());
    index[step.entry].hashval = last_hash;
    if (step.entry + 1 != index.size()) break;
  }
  return success();
}

Result<void> remove_from_tree(Transaction& txn, Inode const& inode, AttributeName const& which) {
  Volume& volume = txn.volume();
  XFSX_TRY(AttributePlace const place, find_in_tree(volume, inode, which));
  if (place.remote) return refuse_to_free("the value of the attribute lies in blocks of its own");
  ConstBytes const old = place.leaf->bytes();
  if (view_as<AttrLeafHeader>(old).count.value() == 1) {
    return refuse_to_free("the attribute is the last one in a block, which would have to be freed");
  }
  Location where = volume.geometry().locate(place.leaf->daddr);
  where.owner = inode.number;
  XFSX_TRY(Bytes const leaf, txn.edit(place.leaf, inode.number));
  XFSX_TRYV(pack_leaf_without(place.entry, old, leaf, where));
  u32 const last_hash = attr_leaf_last_hash(leaf);
  if (last_hash == attr_leaf_last_hash(old)) return success();
  return follow_hash(txn, inode, place, last_hash);
}

}  // namespace

Result<bool> remove_from_short_form(Bytes fork, Location const& where, AttributeName const& which) {
  std::size_t at = sizeof(AttrShortHeader);
  std::size_t size = 0;
  auto const visit = [&](StoredAttribute const& a) -> Result<bool> {
    size = sizeof(AttrShortEntry) + a.name.size() + a.value.size();
    if (a.space == which.space && a.name == which.name && !a.incomplete) return false;
    at += size;
    return true;
  };
  XFSX_TRY(bool const absent, visit_short_form(fork, where, visit));
  if (absent) return false;
  AttrShortHeader& header = edit_as<AttrShortHeader>(fork);
  std::size_t const end = header.totsize.value();
  std::ranges::copy(fork.subspan(at + size, end - at - size), fork.subspan(at).begin());
  std::ranges::fill(fork.subspan(end - size, size), std::byte{0});
  header.totsize = static_cast<u16>(end - size);
  --header.count;
  return true;
}

Result<void> pack_leaf_without(u32 gone, ConstBytes old, Bytes leaf, Location const& where) {
  std::vector<u32> sizes;
  XFSX_TRYV(visit_attr_leaf(format_v5, old, where, [&](StoredAttribute const& a) -> Result<bool> {
    sizes.push_back(bytes_in_leaf(a));
    return true;
  }));
  std::span<AttrLeafEntry const> const entries =
      view_array<AttrLeafEntry>(old, sizeof(AttrLeafHeader), sizes.size());
  std::ranges::fill(leaf.subspan(sizeof(AttrLeafHeader)), std::byte{0});
  std::size_t at = leaf.size();
  std::size_t table_end = sizeof(AttrLeafHeader);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::size_t const from = entries[i].nameidx.value();
    // Bytes that only fill up to the next multiple of 4 count too.
    if (from + sizes[i] > old.size()) {
      Error e = located(Errc::bad_value, "attr leaf", where);
      e.field = "nameidx";
      e.found.number = from;
      e.expected.number = old.size() - sizes[i];
      e.relation = Relation::at_most;
      return e;
    }
    if (i == gone) continue;
    at -= sizes[i];
    std::ranges::copy(old.subspan(from, sizes[i]), leaf.subspan(at).begin());
    AttrLeafEntry& entry = edit_as<AttrLeafEntry>(leaf, table_end);
    entry = entries[i];
    entry.nameidx = static_cast<u16>(at);
    table_end += sizeof(AttrLeafEntry);
  }
  AttrLeafHeader& header = edit_as<AttrLeafHeader>(leaf);
  header.count = static_cast<u16>(sizes.size() - 1);
  header.usedbytes = static_cast<u16>(leaf.size() - at);
  header.firstused = static_cast<u16>(at);
  header.holes = 0;
  header.freemap[0] = static_cast<u32>(table_end << 16 | (at - table_end));
  header.freemap[1] = header.freemap[2] = 0U;
  return success();
}

Result<bool> remove_attribute(Transaction& txn, Inode const& inode, Bytes copy,
                              AttributeName const& which) {
  XFSX_ASSERT(which.space != AttributeSpace::parent);
  if (!inode.has_attr_fork()) return false;
  if (fork_format(inode, ForkKind::attr) == disk::ForkFormat::local) {
    return remove_from_inode(txn, inode, copy, which);
  }
  XFSX_TRY(bool const present, has_attribute(txn.volume(), inode, which.space, which.name));
  if (!present) return false;
  XFSX_TRYV(remove_from_tree(txn, inode, which));
  return true;
}

}  // namespace xfsx::inline v0
