#pragma once
// The decoders behind inspect(), one for each family of structures. Each is given bytes that cover
// the structure and decodes without believing any number in them.

#include "format/block_kind.h"
#include "inspect/inspect.h"

namespace xfsx::inline v0::inspect {

/// The fields of a superblock that its own feature bits give a meaning.
Value decode_superblock(ConstBytes sector);
Value decode_agf(ConstBytes sector, Geometry const& geometry);
Value decode_agi(ConstBytes sector, Geometry const& geometry);
Value decode_agfl(ConstBytes sector, Geometry const& geometry);

/// Core and forks of an inode.
Value decode_inode(ConstBytes inode, Geometry const& geometry);

/// A directory and attributes that lie in the inode.
Value decode_short_directory(ConstBytes fork, Geometry const& geometry);
Value decode_short_attributes(ConstBytes fork);
/// The value of an attribute with `flags`: of a parent pointer the directory, otherwise text.
Value decode_attribute(u8 flags, ConstBytes value);

// Btree blocks: header, and records or keys and pointers.
Value decode_alloc_btree(ConstBytes block, Geometry const& geometry);
Value decode_inode_btree(ConstBytes block, Geometry const& geometry);
Value decode_rmap_btree(ConstBytes block, Geometry const& geometry);
Value decode_refcount_btree(ConstBytes block, Geometry const& geometry);
Value decode_mapping_btree(ConstBytes block, Geometry const& geometry);
/// The root of a mapping btree inside a fork.
Value decode_mapping_root(ConstBytes fork);
Value decode_realtime_rmap(ConstBytes block, Geometry const& geometry);
Value decode_realtime_refcount(ConstBytes block, Geometry const& geometry);
/// The root of a btree of a realtime group, which `metatype` says; nothing for other types.
void decode_realtime_root(Value& into, u16 metatype, ConstBytes fork);

/// One dquot, and all of a block.
Value decode_dquot(ConstBytes record, Geometry const& geometry);
Value decode_dquot_block(ConstBytes block, Geometry const& geometry);

Value decode_realtime_superblock(ConstBytes block, Geometry const& geometry);
// Words behind a header, and without.
Value decode_realtime_bitmap(ConstBytes block, Geometry const& geometry);
Value decode_realtime_summary(ConstBytes block, Geometry const& geometry);
Value decode_plain_bitmap(ConstBytes block);
Value decode_plain_summary(ConstBytes block);

// Blocks of directories, their index, and attributes; of a block that is larger than what is given,
// what lies in it.
Value decode_dir_block(ConstBytes block, Geometry const& geometry);
Value decode_dir_data(ConstBytes block, Geometry const& geometry);
Value decode_dir_leaf(ConstBytes block, Geometry const& geometry);
Value decode_da_node(ConstBytes block, Geometry const& geometry);
Value decode_dir_free(ConstBytes block, Geometry const& geometry);
Value decode_attr_leaf(ConstBytes block, Geometry const& geometry);
Value decode_attr_value(ConstBytes block, Geometry const& geometry);
/// What leaves and nodes of directories and attributes begin with, as `info`.
Value decode_da_info(ConstBytes block, FormatVersion const& version);

/// What a block's magic says that it is.
struct BlockForm {
  std::string_view name;
  BlockKind const* kind = nullptr;  ///< identity and checksum
  Value (*decode)(ConstBytes block, Geometry const& geometry) = nullptr;
  bool of_directory = false;  ///< as large as a directory block
};

/// The form of `block`, a whole filesystem block or a part of it; null if no magic of that version
/// matches.
BlockForm const* form_of(ConstBytes block, FormatVersion const& version);

}  // namespace xfsx::inline v0::inspect
