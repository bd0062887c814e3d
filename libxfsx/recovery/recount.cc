#include "recovery/recount.h"

#include "ag/headers.h"
#include "base/view.h"
#include "disk/ag.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "rt/free_space.h"

namespace xfsx::inline v0 {

namespace {

Result<BufferRef> load_superblock(Transaction& txn) {
  SectorCount const sector(txn.volume().geometry().sector_size() / basic_block_size);
  return txn.read(superblock_kind, Daddr(0), sector);
}

bool counts_lazily(Geometry const& geometry) {
  return geometry.version().self_describing ||
         (geometry.features().features2 & feature2::lazy_counters) != 0;
}

Result<SpaceCounters> sum_of_ags(Volume& volume) {
  SpaceCounters sum;
  for (u32 i = 0; i < volume.geometry().ag_count(); ++i) {
    XFSX_TRY(BufferRef const agf_block, load_agf(volume, AgNumber(i)));
    XFSX_TRY(BufferRef const agi_block, load_agi(volume, AgNumber(i)));
    auto const& agf = view_as<disk::Agf>(agf_block->bytes());
    auto const& agi = view_as<disk::Agi>(agi_block->bytes());
    sum.blocks_free += u64{agf.freeblks.value()} + agf.flcount.value() + agf.btreeblks.value();
    sum.inodes_allocated += agi.count.value();
    sum.inodes_free += agi.freecount.value();
  }
  return sum;
}

}  // namespace

Result<SpaceCounters> read_counters(Volume& volume) {
  Transaction txn(volume);
  XFSX_TRY(BufferRef const block, load_superblock(txn));
  auto const& sb = view_as<disk::Superblock>(block->bytes());
  return SpaceCounters{sb.icount.value(), sb.ifree.value(), sb.fdblocks.value()};
}

Result<void> recount(Workbench& bench) {
  Volume& volume = bench.volume();
  Transaction txn(volume);
  XFSX_TRY(BufferRef const block, load_superblock(txn));
  XFSX_TRY(Bytes const copy, txn.edit(block));
  auto& sb = edit_as<disk::Superblock>(copy);
  if (counts_lazily(volume.geometry())) {
    XFSX_TRY(SpaceCounters const sum, sum_of_ags(volume));
    sb.icount = sum.inodes_allocated;
    sb.ifree = sum.inodes_free;
    sb.fdblocks = sum.blocks_free;
  }
  Geometry const& g = volume.geometry();
  // The extents of zoned devices are counted by Linux alone.
  if (g.has_realtime() && !g.has(incompat::zoned)) {
    XFSX_TRY(u64 const extents, count_free_extents(txn));
    sb.frextents = extents;
  }
  if (g.version().self_describing) sb.features_log_incompat = 0;
  return bench.take(txn);
}

}  // namespace xfsx::inline v0
