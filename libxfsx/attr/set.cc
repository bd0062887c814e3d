#include "attr/set.h"

#include "attr/block.h"
#include "attr/fork_blocks.h"
#include "attr/short_form.h"
#include "attr/tree_insert.h"
#include "base/checked.h"
#include "disk/attr.h"
#include "inode/fork.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

bool is_in_blocks(Inode const& inode, ForkMap const& map) {
  return inode.has_attr_fork() && !map.mappings().empty();
}

/// Writes a value into blocks of its own. Returns where it lies.
Result<ValuePlace> write_value(Geometry const& geometry, ForkBlocks& blocks, ConstBytes value) {
  u32 const room = geometry.block_size() - geometry.version().attr_value;
  u32 const size = static_cast<u32>(value.size());
  u32 const count = div_round_up(size, room);
  XFSX_TRY(u32 const first, blocks.take(count));
  for (u32 i = 0; i < count; ++i) {
    ConstBytes const piece = value.subspan(i * room, std::min(room, size - i * room));
    XFSX_TRY(Bytes const block, blocks.create(attr_value_kind, first + i));
    auto& head = edit_as<disk::AttrRemoteHeader>(block);
    head.magic = disk::attr_remote_magic;
    head.offset = i * room;
    head.bytes = static_cast<u32>(piece.size());
    head.lsn = null_lsn;
    std::ranges::copy(piece, block.subspan(sizeof(disk::AttrRemoteHeader)).begin());
  }
  return ValuePlace{first, size};
}

/// The attribute as an entry of a leaf, its value written where that has blocks of its own.
Result<LeafEntry> entry_of(Geometry const& geometry, ForkBlocks& blocks, AttributeName const& name,
                           ConstBytes value) {
  if (is_kept_in_leaf(name, value.size(), geometry.block_size())) return local_entry(name, value);
  XFSX_TRY(ValuePlace const place, write_value(geometry, blocks, value));
  return remote_entry(name, place);
}

/// What the list in the inode has, if there is one.
Result<std::vector<LeafEntry>> listed(Geometry const& geometry, Inode const& inode) {
  if (fork_format(inode, ForkKind::attr) != disk::ForkFormat::local) {
    return std::vector<LeafEntry>();
  }
  return entries_of_list(fork_bytes(inode, ForkKind::attr), inode.location(geometry));
}

/// An attribute fork in which nothing lies, to map blocks.
Result<void> empty_fork(Bytes copy) {
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  if (core.forkoff == 0) {
    std::optional<u8> const place = place_for_mappings(InodeView(copy));
    if (!place) {
      return refuse(EOPNOTSUPP, "the data fork leaves no room for an attribute fork");
    }
    core.forkoff = *place;
  }
  core.aformat = static_cast<u8>(disk::ForkFormat::extents);
  std::ranges::fill(copy.last(InodeView(copy).attr_fork_size()), std::byte{0});
  return success();
}

Result<void> move_to_blocks(Transaction& txn, Inode const& inode, Bytes copy,
                            AttributeName const& name, ConstBytes value) {
  Geometry const& g = txn.volume().geometry();
  XFSX_TRY(ForkMap const map, ForkMap::read(txn.volume(), inode));
  XFSX_TRY(std::vector<LeafEntry> entries, listed(g, inode));
  XFSX_TRYV(empty_fork(copy));
  ForkBlocks blocks(txn, inode.number, copy, {});
  XFSX_TRYV(blocks.take(1));  // of the root
  XFSX_TRY(LeafEntry added, entry_of(g, blocks, name, value));
  auto const at = std::ranges::upper_bound(entries, added.hash, {}, &LeafEntry::hash);
  entries.insert(at, std::move(added));
  XFSX_TRYV(TreeInserter(txn, inode, map, blocks).build(std::move(entries)));
  return blocks.finish();
}

Result<void> add_to_tree(Transaction& txn, Inode const& inode, Bytes copy, ForkMap const& map,
                         AttributeName const& name, ConstBytes value) {
  ForkBlocks blocks(txn, inode.number, copy, map.mappings());
  XFSX_TRY(LeafEntry added, entry_of(txn.volume().geometry(), blocks, name, value));
  XFSX_TRYV(TreeInserter(txn, inode, map, blocks).insert(std::move(added)));
  return blocks.finish();
}

}  // namespace

Result<void> add_attribute(Transaction& txn, Inode const& inode, Bytes copy,
                           AttributeName const& name, ConstBytes value) {
  XFSX_TRY(ForkMap const map, ForkMap::read(txn.volume(), inode));
  if (is_in_blocks(inode, map)) return add_to_tree(txn, inode, copy, map, name, value);
  Location const where = inode.location(txn.volume().geometry());
  XFSX_TRY(std::optional<ShortForm> const form, short_form_with(inode, where, name, value));
  if (!form) return move_to_blocks(txn, inode, copy, name, value);
  set_short_form(copy, *form);
  return success();
}

}  // namespace xfsx::inline v0
