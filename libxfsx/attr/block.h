#pragma once
// A block of an attribute fork: a node of the tree, a leaf, or a piece of a large value. They tell
// themselves apart, and share the place of the checksum.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

enum class AttrBlockRole : u8 { node, leaf, value };

/// The role of a block that passed `attr_block_kind`.
AttrBlockRole attr_block_role(ConstBytes block);

/// The inode that the block says it belongs to.
InodeNumber attr_block_owner(ConstBytes block);

extern BlockKind const attr_block_kind;

}  // namespace xfsx::inline v0
