#include "exchange/adopt.h"

#include "attr/block.h"
#include "attr/fork_map.h"
#include "base/checked.h"
#include "dir/directory.h"
#include "exchange/mapping_walk.h"
#include "symlink/symlink.h"

namespace xfsx::inline v0 {

namespace {

Result<Bytes> adopt(Transaction& txn, BufferRef const& block, InodeNumber owner) {
  XFSX_ASSERT(block->kind->owner != BlockKind::none);
  XFSX_TRY(Bytes const copy, txn.edit(block, owner));
  edit_as<be<InodeNumber>>(copy, block->kind->owner) = owner;
  return copy;
}

/// "." is the first entry of the first block.
Result<void> name_itself(Geometry const& geometry, Bytes block, Location const& where,
                         InodeNumber owner) {
  u32 const first = geometry.version().dir_data;
  RawDirEntry entry;
  if (!dir_entry_at(geometry, block, first, entry) || entry.name != ".") {
    Error e = located(Errc::bad_value, "dir entry", where);
    e.field = "name";
    e.reason = "the first entry of a directory is not \".\"";
    return e;
  }
  edit_as<be<InodeNumber>>(block, first) = owner;
  return success();
}

Result<u64> adopt_directory(Transaction& txn, Inode const& inode, InodeNumber owner) {
  Geometry const& g = txn.volume().geometry();
  XFSX_TRY(Directory directory, Directory::open(txn.volume(), inode));
  XFSX_TRY(std::vector<BufferRef> const blocks, directory.blocks());
  for (BufferRef const& block : blocks) {
    XFSX_TRY(Bytes const copy, adopt(txn, block, owner));
    if (&block != &blocks.front()) continue;
    Location where = g.locate(block->daddr);
    where.owner = inode.number;
    XFSX_TRYV(name_itself(g, copy, where, owner));
  }
  return u64{blocks.size()} * g.dir_block_blocks();
}

Result<u64> adopt_symlink(Transaction& txn, Inode const& inode, InodeNumber owner) {
  Geometry const& g = txn.volume().geometry();
  XFSX_TRYV(read_symlink(txn.volume(), inode));  // checks all of it
  XFSX_TRY(std::vector<Mapping> const mappings,
           collect_mappings(txn.volume(), inode, ForkKind::data));
  for (Mapping const& m : mappings) {
    XFSX_TRY(BufferRef const block,
             txn.read(symlink_kind, g.daddr(m.start), g.sectors(m.length), inode.number));
    XFSX_TRYV(adopt(txn, block, owner));
  }
  return mapped_blocks(mappings).raw();
}

BlockKind const& kind_of(AttrBlockRole role) {
  switch (role) {
    case AttrBlockRole::node:
      return da_node_kind;
    case AttrBlockRole::leaf:
      return attr_leaf_kind;
    default:
      return attr_value_kind;
  }
}

Result<u64> adopt_attributes(Transaction& txn, Inode const& inode, InodeNumber owner) {
  Volume& volume = txn.volume();
  Geometry const& g = volume.geometry();
  SectorCount const one = g.sectors(BlockCount(1));
  XFSX_TRY(ForkMap const map, ForkMap::read(volume, inode));
  std::vector<BlockExtent> extents;
  for (Mapping const& m : map.mappings()) {
    for (u64 i = 0; i < m.length.raw(); ++i) {
      extents.push_back({g.daddr(m.start + BlockCount(i)), one});
    }
  }
  volume.cache().prefetch(extents);
  for (BlockExtent const& at : extents) {
    Location const where = g.locate(at.daddr);
    XFSX_TRY(BufferRef const found,
             load_attr_block(volume, inode, g.fsblock(where.ag, where.agblock)));
    BlockKind const& kind = kind_of(attr_block_role(g.version(), found->bytes()));
    XFSX_TRY(BufferRef const block, txn.read(kind, at.daddr, one, inode.number));
    XFSX_TRYV(adopt(txn, block, owner));
  }
  return u64{extents.size()};
}

}  // namespace

Result<u64> adopt_metadata(Transaction& txn, Inode const& inode, ForkKind kind, InodeNumber owner) {
  if (kind == ForkKind::attr) return adopt_attributes(txn, inode, owner);
  if (inode.is_directory()) return adopt_directory(txn, inode, owner);
  if (inode.is_symlink()) return adopt_symlink(txn, inode, owner);
  return u64{0};
}

}  // namespace xfsx::inline v0
