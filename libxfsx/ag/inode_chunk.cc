#include "ag/inode_chunk.h"

#include "ag/tree_root.h"

namespace xfsx::inline v0 {

namespace {

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
  XFSX_TRY(AgTreeRoot const root, find_tree_root(volume, ag, AgTree::inobt));
  BtreeReader<Inobt> tree(volume, root);
  XFSX_TRY(std::optional<Inobt::Record> const chunk, tree.lookup_le(g.agino_of(ino)));
  if (!chunk) return no_such_inode(ino);
  u32 const index = g.agino_of(ino).raw() - chunk->start.raw();
  if (index >= inodes_per_chunk) return no_such_inode(ino);
  if (!chunk->exists(index)) return no_such_inode(ino);
  if ((chunk->free >> index & 1) != 0) return no_such_inode(ino);
  return chunk->start;
}

}  // namespace xfsx::inline v0
