#include "attr/fork_map.h"

#include "attr/block.h"
#include "inode/bmap.h"
#include "inode/fork.h"

#include <algorithm>

namespace xfsx::inline v0 {

Result<ForkMap> ForkMap::read(Volume& volume, Inode const& inode) {
  ForkMap map(volume.geometry(), inode);
  bool const mapped =
      inode.has_attr_fork() && fork_format(inode, ForkKind::attr) != disk::ForkFormat::local;
  if (!mapped) return map;
  XFSX_TRY(map.mappings_, collect_mappings(volume, inode, ForkKind::attr));
  return map;
}

Result<FsBlock> ForkMap::at(u32 offset) const {
  auto const m = std::ranges::upper_bound(mappings_, FileBlock(offset), {}, &Mapping::end);
  if (m != mappings_.end() && m->offset <= FileBlock(offset)) {
    return m->start + BlockCount(offset - m->offset.raw());
  }
  Error e = located(Errc::bad_value, "attr leaf", inode_.location(geometry_));
  e.field = "valueblk";
  e.reason = "the value lies in a hole of the attribute fork";
  return with_note(e, std::to_string(offset));
}

Location ForkMap::located_at(FsBlock block) const {
  Location where = geometry_.locate(geometry_.daddr(block));
  where.owner = inode_.number;
  return where;
}

Result<BufferRef> load_attr_block(Volume& volume, Inode const& inode, FsBlock at) {
  Geometry const& g = volume.geometry();
  XFSX_TRY(BufferRef const block,
           volume.cache().load(attr_block_kind, g.daddr(at), g.sectors(BlockCount(1))));
  if (!g.version().self_describing) return block;
  if (attr_block_owner(block->bytes()) == inode.number) return block;
  Location where = g.locate(g.daddr(at));
  where.owner = inode.number;
  Error e = located(Errc::bad_value, "attr block", where);
  e.field = "owner";
  e.relation = Relation::equal;
  e.found.number = attr_block_owner(block->bytes()).raw();
  e.expected.number = inode.number.raw();
  return e;
}

}  // namespace xfsx::inline v0
