#include "txn/home.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

WriteRequest part_of(Buffer const& buffer, u64 offset, u64 size) {
  return {buffer.daddr.raw() * basic_block_size + offset, buffer.bytes().subspan(offset, size)};
}

/// Adds the inodes: their cluster as it will be, and of it only the sectors that they lie in.
void add_inodes(Transaction const& txn, u64 unit, HomeImage& home) {
  AlignedPool pool;
  std::map<u64, std::shared_ptr<Buffer>> clusters;
  std::map<u64, WriteRequest> writes;  // by address: two inodes of one sector are one write
  for (auto const& [number, inode] : txn.inodes()) {
    std::shared_ptr<Buffer>& cluster = clusters[inode.place.cluster.raw()];
    if (!cluster) cluster = copy_of(*inode.cluster, pool);
    std::ranges::copy(inode.bytes, cluster->data.bytes().begin() + inode.place.offset);
    u64 const start = inode.place.offset / unit * unit;
    WriteRequest const write = part_of(*cluster, start, unit);
    writes.insert_or_assign(write.offset, write);
  }
  for (auto& [address, cluster] : clusters) home.buffers.push_back(std::move(cluster));
  for (auto const& [address, write] : writes) home.writes.push_back(write);
}

}  // namespace

u64 HomeImage::bytes() const {
  u64 sum = 0;
  for (WriteRequest const& w : writes) sum += w.from.size();
  return sum;
}

HomeImage make_home_image(Transaction const& txn) {
  HomeImage home;
  Geometry const& geometry = txn.volume().geometry();
  for (auto const& [address, block] : txn.blocks()) {
    if (block.fate == EditedBlock::Fate::freed) continue;
    home.writes.push_back(part_of(*block.copy, 0, block.copy->data.size()));
    home.buffers.push_back(block.copy);
  }
  // Sectors and inodes are powers of two, and a cluster is aligned to both.
  add_inodes(txn, std::max(geometry.sector_size(), geometry.inode_size()), home);
  std::ranges::sort(home.writes, {}, &WriteRequest::offset);
  return home;
}

}  // namespace xfsx::inline v0
