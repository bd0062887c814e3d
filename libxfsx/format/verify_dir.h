#pragma once
// Blocks of directories and symbolic links as block kinds, and the walk over entries that both the
// verifier and the reader use.

#include "disk/dir.h"
#include "format/block_kind.h"

namespace xfsx::inline v0 {

/// Block form: entries and their index in one block.
extern BlockKind const dir_block_kind;
/// Entries of the leaf and node forms.
extern BlockKind const dir_data_kind;
extern BlockKind const dir_leaf1_kind;
extern BlockKind const dir_leafn_kind;
extern BlockKind const da_node_kind;
extern BlockKind const dir_free_kind;
extern BlockKind const symlink_kind;
/// A piece of a directory block that does not lie in one piece: nothing can be said about it alone.
extern BlockKind const fragment_kind;

/// One entry of a data block or a short form directory. `name` points into the block.
struct RawDirEntry {
  std::string_view name;
  InodeNumber inode;
  u8 file_type = 0;
};

/// Bytes of an entry in a data block: inode number, length, name, type if there are any, and tag,
/// rounded up to 8.
constexpr u32 dir_entry_size(u32 name_length, bool file_types) {
  return (8 + 1 + name_length + (file_types ? 1 : 0) + 2 + 7) / 8 * 8;
}

/// Where the entries of a data block end: the block's end, or where the index begins in the block
/// form. The block has passed its verifier.
u32 dir_entries_end(Geometry const& geometry, ConstBytes block);

/// The used entry at `offset` of a data block that passed its verifier; false if none begins
/// there.
bool dir_entry_at(Geometry const& geometry, ConstBytes block, u32 offset, RawDirEntry& out);

/// Hands each used entry of a data block that passed its verifier to `visit` until it returns
/// false; false if it did.
template <class Visit>
bool for_each_dir_entry(Geometry const& geometry, ConstBytes block, Visit visit) {
  u32 const end = dir_entries_end(geometry, block);
  u32 at = geometry.version().dir_data;
  while (at < end) {
    auto const& unused = view_as<disk::DirDataUnused>(block, at);
    if (unused.freetag.value() == disk::dir_unused_tag) {
      at += unused.length.value();
      continue;
    }
    RawDirEntry entry;
    XFSX_ASSERT(dir_entry_at(geometry, block, at, entry));
    if (!visit(entry)) return false;
    at += dir_entry_size(static_cast<u32>(entry.name.size()), geometry.has_file_types());
  }
  return true;
}

/// What a leaf or a node that passed its verifier begins with: its neighbours, and for a node its
/// level above the leaves.
inline disk::DaBlockInfoV4 const& da_links(ConstBytes block) {
  return view_as<disk::DaBlockInfoV4>(block);
}
u16 da_node_level(FormatVersion const& version, ConstBytes node);

/// The leaf entries of a block in block form, of a leaf, or the entries of a node, all verified.
std::span<disk::DirLeafEntry const> dir_block_index(ConstBytes block);
std::span<disk::DirLeafEntry const> dir_leaf_index(FormatVersion const& version, ConstBytes leaf);
std::span<disk::DaNodeEntry const> da_node_index(FormatVersion const& version, ConstBytes node);

}  // namespace xfsx::inline v0
