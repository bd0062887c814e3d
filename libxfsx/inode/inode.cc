#include "inode/inode.h"

#include "ag/inode_chunk.h"
#include "base/checked.h"

namespace xfsx::inline v0 {

namespace {

/// The cluster lies wholly in the inode's AG. A sound inode btree never leads elsewhere.
Result<void> check_place(Geometry const& g, InodeNumber ino, InodePlace const& place) {
  Location where = g.locate(place.cluster);
  where.owner = ino;
  bool const inside =
      where.ag == g.ag_of(ino) &&
      range_inside<u64>(where.agblock.raw(), g.cluster_blocks(), g.blocks_of(where.ag));
  if (inside) return success();
  Error e = located(Errc::bad_value, "inobt_rec", where);
  e.field = "startino";
  e.reason = "the inode cluster does not lie in the AG";
  return e;
}

Error bad_inode(Inode const& inode, Geometry const& g, std::string_view field, u64 found,
                u64 expected, Relation relation,
                std::source_location raised = std::source_location::current()) {
  Error e = located(Errc::bad_value, "inode", inode.location(g), raised);
  e.field = field;
  e.found.number = found;
  e.expected.number = expected;
  e.relation = relation;
  return e;
}

}  // namespace

Result<Inode> load_inode(Volume& volume, InodeNumber ino) {
  XFSX_TRY(AgInode const chunk, find_inode_chunk(volume, ino));
  return load_inode_of_chunk(volume, {ino, chunk});
}

Result<Inode> load_inode_of_chunk(Volume& volume, InodeInChunk const& which) {
  Geometry const& g = volume.geometry();
  InodeNumber const ino = which.number;
  InodePlace const place = g.place(ino, which.chunk);
  XFSX_TRYV(check_place(g, ino, place));
  XFSX_TRY(BufferRef cluster,
           volume.cache().load(inode_cluster_kind, place.cluster, place.cluster_length));
  Inode inode(ino, place, std::move(cluster), g.inode_size());
  XFSX_TRYV(verify_inode(inode.bytes(), {g, inode.location(g)}, ino));
  // The btree says that it is in use.
  if (inode.mode() == 0) return bad_inode(inode, g, "mode", 0, 0, Relation::not_equal);
  Lsn const head = volume.cache().log_head();
  Lsn const lsn = inode.lsn();
  if (head.raw() != 0 && lsn > head) {
    return bad_inode(inode, g, "lsn", lsn.raw(), head.raw(), Relation::at_most);
  }
  return inode;
}

void prefetch_inodes(Volume& volume, std::span<InodeInChunk const> inodes) {
  Geometry const& g = volume.geometry();
  std::vector<BlockExtent> clusters;
  for (InodeInChunk const& inode : inodes) {
    InodePlace const place = g.place(inode.number, inode.chunk);
    bool const again = !clusters.empty() && clusters.back().daddr == place.cluster;
    if (again || !check_place(g, inode.number, place)) continue;
    clusters.push_back({place.cluster, place.cluster_length});
  }
  volume.cache().prefetch(clusters);
}

}  // namespace xfsx::inline v0
