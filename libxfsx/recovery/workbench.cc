#include "recovery/workbench.h"

#include "base/crc32c.h"
#include "disk/inode.h"
#include "format/verify_inode.h"
#include "txn/dirty.h"
#include "txn/newer_block.h"

#include <algorithm>

namespace xfsx::inline v0 {

Result<std::unique_ptr<Workbench>> Workbench::open(ReplayedBlocks& blocks,
                                                   FurtherDevices const& further) {
  std::unique_ptr<Workbench> bench(new Workbench(blocks));
  XFSX_TRY(bench->volume_, Volume::open(bench->device_, further));
  return bench;
}

Result<std::unique_ptr<Workbench>> Workbench::open(ReplayedBlocks& blocks,
                                                   FurtherDevices const& further,
                                                   LogState const& log) {
  std::unique_ptr<Workbench> bench(new Workbench(blocks));
  XFSX_TRY(bench->volume_, Volume::open(bench->device_, further, log));
  return bench;
}

Result<void> Workbench::take_block(EditedBlock& block) {
  if (block.fate == EditedBlock::Fate::freed) {
    blocks_.forget(block.original->daddr, block.original->length);
    return success();
  }
  BlockKind const& kind = *block.copy->kind;
  Bytes const copy = block.copy->data.bytes();
  bool const created = block.fate == EditedBlock::Fate::created;
  BlockContext const context{volume_->geometry(), volume_->geometry().locate(block.copy->daddr)};
  if (context.geometry.version().self_describing) {
    stamp_block(kind, copy, created ? Lsn(0) : lsn_of(kind, block.original->bytes()));
  }
  XFSX_TRYV(verify_block(kind, copy, context, volume_->cache().log_head()));
  if (block.owner != null_inode) {
    XFSX_TRYV(verify_owner(kind, copy, context, block.owner));
  }
  Daddr const daddr = block.copy->daddr;
  SectorCount const length = block.copy->length;
  XFSX_TRY(ReplayedBlock* const taken, created ? blocks_.create(daddr, length, kind.log_type)
                                               : blocks_.edit(daddr, length, kind.log_type));
  if (created) {
    bool const newer = looks_newer(block.original->bytes(), context.geometry.meta_uuid(),
                                   volume_->cache().log_head());
    if (newer) blocks_.mark_newer(daddr);
  } else {
    taken->dirty |= dirty_chunks(kind, block.original->bytes(), copy);
  }
  std::ranges::copy(copy, taken->data.bytes().begin());
  volume_->cache().publish(block.copy);
  return success();
}

Result<void> Workbench::take_inode(EditedInode& inode) {
  Geometry const& g = volume_->geometry();
  BlockContext const context{g, g.locate(inode.place.cluster)};
  if (g.version().self_describing) crc32c_stamp(inode.bytes, offsetof(disk::Dinode, crc));
  XFSX_TRYV(verify_inode(inode.bytes, context, inode.number));
  XFSX_TRY(ReplayedBlock* const taken, blocks_.edit(inode.cluster->daddr, inode.cluster->length,
                                                    disk::BufferType::inode_cluster));
  std::ranges::copy(inode.bytes, taken->data.bytes().begin() + inode.place.offset);
  taken->dirty.set_range(inode.place.offset, inode.bytes.size());
  AlignedPool pool;
  std::shared_ptr<Buffer> cluster = copy_of(*inode.cluster, pool);
  std::ranges::copy(taken->data.bytes(), cluster->data.bytes().begin());
  volume_->cache().publish(std::move(cluster));
  return success();
}

Result<void> Workbench::take(Transaction& txn) {
  for (auto& [address, block] : txn.blocks()) {
    XFSX_TRYV(take_block(block));
  }
  for (auto& [number, inode] : txn.inodes()) {
    XFSX_TRYV(take_inode(inode));
  }
  return success();
}

}  // namespace xfsx::inline v0
