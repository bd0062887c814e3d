#include "attr/block.h"

#include "base/view.h"
#include "disk/attr.h"

namespace xfsx::inline v0 {

namespace {

constexpr u16 da_node_magic = 0x3ebe;

Result<void> verify_attr_block(ConstBytes block, BlockContext const& context) {
  CheckedView const value(view_as<disk::AttrRemoteHeader>(block), context.where);
  Uuid const& uuid = context.geometry.meta_uuid();
  if (value->magic.value() == disk::attr_remote_magic) {
    XFSX_TRYV(value.equal(value->uuid, uuid));
    return value.equal(value->bno, Daddr(context.where.address));
  }
  CheckedView const leaf(view_as<disk::AttrLeafHeader>(block), context.where);
  if (leaf->magic.value() != da_node_magic) {
    XFSX_TRYV(leaf.equal(leaf->magic, disk::attr_leaf_magic));
  }
  XFSX_TRYV(leaf.equal(leaf->uuid, uuid));
  return leaf.equal(leaf->bno, Daddr(context.where.address));
}

}  // namespace

AttrBlockRole attr_block_role(ConstBytes block) {
  if (view_as<be32>(block).value() == disk::attr_remote_magic) return AttrBlockRole::value;
  u16 const magic = view_as<disk::AttrLeafHeader>(block).magic.value();
  return magic == da_node_magic ? AttrBlockRole::node : AttrBlockRole::leaf;
}

InodeNumber attr_block_owner(ConstBytes block) {
  return attr_block_role(block) == AttrBlockRole::value
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

}  // namespace xfsx::inline v0
