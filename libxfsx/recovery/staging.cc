#include "recovery/staging.h"

#include "ag/refcounts.h"
#include "ag/tree_root.h"
#include "btree/reader.h"

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

}  // namespace

Result<BlockCount> free_staging(Workbench& bench) {
  Geometry const& g = bench.volume().geometry();
  BlockCount freed(0);
  if (!g.has_ro(ro_compat::reflink)) return freed;
  for (u32 ag = 0; ag < g.ag_count(); ++ag) {
    XFSX_TRY(BlockCount const of_ag, free_staging_of(bench, AgNumber(ag)));
    freed = freed + of_ag;
  }
  return freed;
}

}  // namespace xfsx::inline v0
