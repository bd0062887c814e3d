#pragma once
// Inodes of a volume: found through the inode btree, verified, and looked at in their cluster.

#include "format/verify_inode.h"
#include "txn/volume.h"

namespace xfsx::inline v0 {

/// An inode in use: a slice of its cluster's buffer, which it keeps alive.
struct Inode : InodeView {
  Inode(InodeNumber its_number, InodePlace const& its_place, BufferRef its_cluster, u32 inode_size)
      : InodeView(its_cluster->bytes().subspan(its_place.offset, inode_size)),
        number(its_number),
        place(its_place),
        cluster(std::move(its_cluster)) {}

  /// Where the cluster lies, with the inode as the owner: the location that errors carry.
  [[nodiscard]] Location location(Geometry const& geometry) const {
    Location where = geometry.locate(place.cluster);
    where.owner = number;
    return where;
  }

  InodeNumber number;
  InodePlace place;
  BufferRef cluster;
};

/// Finds, loads and verifies an inode in use. Errors: refused ENOENT if there is none of that
/// number; bad_value and bad_crc of the AGI, the inode btree or the inode; io.
Result<Inode> load_inode(Volume& volume, InodeNumber ino);

/// An inode, and the first inode of its chunk as the inode btree has it.
struct InodeInChunk {
  InodeNumber number;
  AgInode chunk;
};

/// The same for an inode that the inode btree was seen to have in use.
Result<Inode> load_inode_of_chunk(Volume& volume, InodeInChunk const& which);

/// Brings in the clusters of inodes as one batch; `inodes` in the order of their numbers. What
/// cannot be read is no error here.
void prefetch_inodes(Volume& volume, std::span<InodeInChunk const> inodes);

}  // namespace xfsx::inline v0
