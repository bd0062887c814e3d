#pragma once
// The decoders behind inspect(), one for each family of structures. Each is given bytes that cover
// the structure and decodes without believing any number in them.

#include "format/block_kind.h"
#include "inspect/inspect.h"

namespace xfsx::inline v0::inspect {

/// The fields of a superblock that its own feature bits give a meaning.
Value decode_superblock(ConstBytes sector);
Value decode_agf(ConstBytes sector, Geometry const& geometry);
Value decode_agi(ConstBytes sector);
Value decode_agfl(ConstBytes sector);

/// Core and forks of an inode.
Value decode_inode(ConstBytes inode, Geometry const& geometry);

/// A directory and attributes that lie in the inode.
Value decode_short_directory(ConstBytes fork);
Value decode_short_attributes(ConstBytes fork);

/// A list of packed mappings.
Value decode_mappings(std::string_view name, ConstBytes records, u32 count, u32 first);

/// What a block's magic says that it is.
struct BlockForm {
  std::string_view name;
  BlockKind const* kind = nullptr;  ///< identity and checksum
  Value (*decode)(ConstBytes block, Geometry const& geometry) = nullptr;
  bool of_directory = false;  ///< as large as a directory block
};

/// The form of `block`, a whole filesystem block or a part of it; null if no magic matches.
BlockForm const* form_of(ConstBytes block);

}  // namespace xfsx::inline v0::inspect
