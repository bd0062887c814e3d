#include "ag/inode_chunk.h"

#include "ag/headers.h"
#include "btree/reader.h"

namespace xfsx::inline v0 {

namespace {

constexpr u32 inodes_per_chunk = 64;
constexpr u32 inodes_per_hole_bit = 4;

Error no_such_inode(InodeNumber ino,
                    std::source_location raised = std::source_location::current()) {
  Error e = refuse(ENOENT, "the inode does not exist", raised);
  e.structure = "inode";
  e.address_kind = AddressKind::inode;
  e.address = ino.raw();
  return e;
}

}  // namespace

Result<AgInode> find_inode_chunk(Volume& volume, InodeNumber ino) {
  Geometry const& g = volume.geometry();
  if (!g.valid(ino)) return no_such_inode(ino);
  AgNumber const ag = g.ag_of(ino);
  XFSX_TRY(BufferRef const agi, load_agi(volume, ag));
  disk::Agi const& head = view_as<disk::Agi>(agi->bytes());
  BtreeReader<Inobt> tree(volume, {ag, head.root.value(), head.level.value()});
  XFSX_TRY(std::optional<Inobt::Record> const chunk, tree.lookup_le(g.agino_of(ino)));
  if (!chunk) return no_such_inode(ino);
  u32 const index = g.agino_of(ino).raw() - chunk->start.raw();
  if (index >= inodes_per_chunk) return no_such_inode(ino);
  bool const sparse = g.has(incompat::spinodes);
  if (sparse && (chunk->holemask >> (index / inodes_per_hole_bit) & 1) != 0) {
    return no_such_inode(ino);
  }
  if ((chunk->free >> index & 1) != 0) return no_such_inode(ino);
  return chunk->start;
}

}  // namespace xfsx::inline v0
