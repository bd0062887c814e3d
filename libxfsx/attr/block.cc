#include "attr/block.h"

#include "base/view.h"
#include "disk/attr.h"
#include "format/verify_dir.h"

namespace xfsx::inline v0 {

namespace {

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

// The LSN lies in different places; a block of this kind is only read.
BlockKind const attr_block_kind{.name = "attr block",
                                .log_type = disk::BufferType::unknown,
                                .crc = offsetof(disk::AttrLeafHeader, crc),
                                .lsn = BlockKind::none,
                                .uuid = BlockKind::none,
                                .verify = verify_attr_block};
static_assert(offsetof(disk::AttrLeafHeader, crc) == offsetof(disk::AttrRemoteHeader, crc));

BlockKind const plain_value_kind{.name = "attr value",
                                 .log_type = disk::BufferType::unknown,
                                 .crc = BlockKind::none,
                                 .lsn = BlockKind::none,
                                 .uuid = BlockKind::none,
                                 .verify = nullptr};

}  // namespace xfsx::inline v0
