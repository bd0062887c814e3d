#include "recovery/staging.h"

#include "ag/refcounts.h"
#include "ag/tree_root.h"
#include "btree/reader.h"
#include "rt/free_space.h"
#include "rt/refcounts.h"
#include "rt/rmaps.h"

namespace xfsx::inline v0 {

namespace {

Result<std::vector<BlockRun>> staging_of(Volume& volume, AgNumber ag) {
  XFSX_TRY(AgTreeRoot const root, find_tree_root(volume, ag, AgTree::refcountbt));
  BtreeReader<Refcountbt> tree(volume, root);
  std::vector<BlockRun> runs;
  // The walk may begin one record before those that are asked for.
  XFSX_TRYV(tree.visit(Refcountbt::staging, [&](Refcountbt::Record const& r) {
    if ((r.start & Refcountbt::staging) == 0) return true;
    AgBlock const start(r.start & ~Refcountbt::staging);
    runs.push_back({volume.geometry().fsblock(ag, start), BlockCount(r.length)});
    return true;
  }));
  return runs;
}

Result<BlockCount> free_staging_of(Workbench& bench, AgNumber ag) {
  XFSX_TRY(std::vector<BlockRun> const runs, staging_of(bench.volume(), ag));
  if (runs.empty()) return BlockCount(0);
  Transaction txn(bench.volume());
  Space space(txn);
  Refcounts counts(txn, space);
  BlockCount freed(0);
  for (BlockRun const& run : runs) {
    XFSX_TRYV(counts.remove_staging(run.start, run.length));
    XFSX_TRYV(space.release(run.start, run.length, {disk::rmap_owner::cow, false, false}));
    freed = freed + run.length;
  }
  XFSX_TRYV(space.finish());
  XFSX_TRYV(bench.take(txn));
  return freed;
}

Result<BlockCount> free_staging_of_group(Workbench& bench, u32 group) {
  XFSX_TRY(std::vector<BlockRun> const runs, realtime_staging(bench.volume(), group));
  if (runs.empty()) return BlockCount(0);
  Transaction txn(bench.volume());
  Space space(txn);
  RealtimeRefcounts counts(txn, space);
  BlockCount freed(0);
  for (BlockRun const& run : runs) {
    XFSX_TRYV(counts.remove_staging(run.start, run.length));
    freed = freed + run.length;
  }
  XFSX_TRYV(remove_realtime_owner(txn, space, disk::rmap_owner::cow, runs));
  XFSX_TRYV(RealtimeSpace(txn).release(runs));
  XFSX_TRYV(space.finish());
  XFSX_TRYV(bench.take(txn));
  return freed;
}

}  // namespace

Result<BlockCount> free_staging(Workbench& bench) {
  Geometry const& g = bench.volume().geometry();
  BlockCount freed(0);
  if (!g.has_ro(ro_compat::reflink)) return freed;
  for (u32 ag = 0; ag < g.ag_count(); ++ag) {
    XFSX_TRY(BlockCount const of_ag, free_staging_of(bench, AgNumber(ag)));
    freed = freed + of_ag;
  }
  u32 const groups = g.realtime().groups && g.has_realtime() ? g.realtime().group_count : 0;
  for (u32 group = 0; group < groups; ++group) {
    XFSX_TRY(BlockCount const of_group, free_staging_of_group(bench, group));
    freed = freed + of_group;
  }
  return freed;
}

}  // namespace xfsx::inline v0
