#pragma once
// A block of an attribute fork: a node of the tree, a leaf, or a piece of a large value. They tell
// themselves apart, and share the place of the checksum. In version 4 a piece of a value is nothing
// but that, so what a block is depends on what leads to it.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

enum class AttrBlockRole : u8 { node, leaf, value };

/// The role of a block that passed `attr_block_kind`.
AttrBlockRole attr_block_role(FormatVersion const& version, ConstBytes block);

/// The inode that a block of version 5 says it belongs to.
InodeNumber attr_block_owner(ConstBytes block);

/// The hash of the last entry of a leaf, which the node above names; 0 for a leaf without entries.
u32 attr_leaf_last_hash(ConstBytes leaf);

/// In version 4 nodes and leaves only.
extern BlockKind const attr_block_kind;
/// A leaf of version 5, to be changed.
extern BlockKind const attr_leaf_kind;
/// A piece of a value in version 5, to be changed. It has no LSN: Linux writes values outside the
/// log, and replays what a log has of them whatever lies on disk.
extern BlockKind const attr_value_kind;
/// A piece of a value in version 4, of which nothing can be said.
extern BlockKind const plain_value_kind;

}  // namespace xfsx::inline v0
