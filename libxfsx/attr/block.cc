#include "attr/block.h"

#include "base/view.h"
#include "disk/attr.h"
#include "format/verify_dir.h"

namespace xfsx::inline v0 {

namespace {

std::span<disk::AttrLeafEntry const> leaf_entries(ConstBytes leaf) {
  u16 const count = view_as<disk::AttrLeafHeader>(leaf).count.value();
  return view_array<disk::AttrLeafEntry>(leaf, sizeof(disk::AttrLeafHeader), count);
}

/// Of version 4, where only nodes and leaves say what they are; values are not loaded as this kind.
Result<void> verify_old_block(ConstBytes block, BlockContext const& context) {
  FormatVersion const& version = context.geometry.version();
  CheckedView const leaf(view_as<disk::AttrLeafHeaderV4>(block), context.where);
  if (leaf->magic.value() == version.da_node_magic) return da_node_kind.verify(block, context);
  return leaf.equal(leaf->magic, version.attr_leaf_magic);
}

Result<void> verify_attr_block(ConstBytes block, BlockContext const& context) {
  if (!context.geometry.version().self_describing) return verify_old_block(block, context);
  CheckedView const value(view_as<disk::AttrRemoteHeader>(block), context.where);
  Uuid const& uuid = context.geometry.meta_uuid();
  if (value->magic.value() == disk::attr_remote_magic) {
    XFSX_TRYV(value.equal(value->uuid, uuid));
    return value.equal(value->bno, Daddr(context.where.address));
  }
  CheckedView const leaf(view_as<disk::AttrLeafHeader>(block), context.where);
  if (leaf->magic.value() != disk::da_node_magic) {
    XFSX_TRYV(leaf.equal(leaf->magic, disk::attr_leaf_magic));
  }
  XFSX_TRYV(leaf.equal(leaf->uuid, uuid));
  return leaf.equal(leaf->bno, Daddr(context.where.address));
}

/// What a leaf says of itself. Its names are judged where they are read.
Result<void> verify_attr_leaf(ConstBytes block, BlockContext const& context) {
  CheckedView const leaf(view_as<disk::AttrLeafHeader>(block), context.where);
  XFSX_TRYV(leaf.equal(leaf->magic, disk::attr_leaf_magic));
  std::size_t const room = block.size() - sizeof(disk::AttrLeafHeader);
  XFSX_TRYV(leaf.at_most<u16>(leaf->count, static_cast<u16>(room / sizeof(disk::AttrLeafEntry))));
  u32 last = 0;
  for (disk::AttrLeafEntry const& entry : leaf_entries(block)) {
    CheckedView const one(entry, context.where);
    XFSX_TRYV(one.at_least<u32>(entry.hashval, last));
    last = entry.hashval.value();
  }
  return success();
}

}  // namespace

AttrBlockRole attr_block_role(FormatVersion const& version, ConstBytes block) {
  bool const value =
      version.self_describing && view_as<be32>(block).value() == disk::attr_remote_magic;
  if (value) return AttrBlockRole::value;
  u16 const magic = view_as<disk::AttrLeafHeaderV4>(block).magic.value();
  return magic == version.da_node_magic ? AttrBlockRole::node : AttrBlockRole::leaf;
}

InodeNumber attr_block_owner(ConstBytes block) {
  return attr_block_role(format_v5, block) == AttrBlockRole::value
             ? view_as<disk::AttrRemoteHeader>(block).owner.value()
             : view_as<disk::AttrLeafHeader>(block).owner.value();
}

u32 attr_leaf_last_hash(ConstBytes leaf) {
  std::span<disk::AttrLeafEntry const> const entries = leaf_entries(leaf);
  return entries.empty() ? 0 : entries.back().hashval.value();
}

// The LSN lies in different places; a block of this kind is only read.
BlockKind const attr_block_kind{.name = "attr block",
                                .log_type = disk::BufferType::unknown,
                                .crc = offsetof(disk::AttrLeafHeader, crc),
                                .lsn = BlockKind::none,
                                .uuid = BlockKind::none,
                                .verify = verify_attr_block};
static_assert(offsetof(disk::AttrLeafHeader, crc) == offsetof(disk::AttrRemoteHeader, crc));

BlockKind const attr_leaf_kind{.name = "attr leaf",
                               .log_type = disk::BufferType::attr_leaf,
                               .crc = offsetof(disk::AttrLeafHeader, crc),
                               .lsn = offsetof(disk::AttrLeafHeader, lsn),
                               .uuid = offsetof(disk::AttrLeafHeader, uuid),
                               .address = offsetof(disk::AttrLeafHeader, bno),
                               .owner = offsetof(disk::AttrLeafHeader, owner),
                               .verify = verify_attr_leaf};

BlockKind const attr_value_kind{.name = "attr value",
                                .log_type = disk::BufferType::attr_remote,
                                .crc = offsetof(disk::AttrRemoteHeader, crc),
                                .lsn = BlockKind::none,
                                .uuid = offsetof(disk::AttrRemoteHeader, uuid),
                                .address = offsetof(disk::AttrRemoteHeader, bno),
                                .owner = offsetof(disk::AttrRemoteHeader, owner),
                                .verify = verify_attr_block};

BlockKind const plain_value_kind{.name = "attr value",
                                 .log_type = disk::BufferType::unknown,
                                 .crc = BlockKind::none,
                                 .lsn = BlockKind::none,
                                 .uuid = BlockKind::none,
                                 .verify = nullptr};

}  // namespace xfsx::inline v0
