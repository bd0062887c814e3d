#include "recovery/unlinked.h"

#include "inode/drop_fork.h"
#include "inode/free_inode.h"
#include "inode/unlinked_list.h"
#include "quota/move.h"
#include "rt/drop_file.h"

namespace xfsx::inline v0 {

namespace {

Result<void> check_unlinked(Geometry const& g, Inode const& inode) {
  CheckedView const core(inode.core(), inode.location(g));
  XFSX_TRYV(core.require(inode.links() == 0, core->nlinkv2, 0, Relation::equal));
  if (inode.is_metadata()) {
    return refuse(EOPNOTSUPP, "a file of the filesystem itself is on a list of unlinked inodes");
  }
  return success();
}

/// The owners of the inode have its blocks and itself no longer.
Result<void> count_out(Transaction& txn, QuotaChange const& change, Timestamp now) {
  bool const moves = txn.volume().geometry().version().self_describing;
  if (!moves) return forget_quota_counts(txn);
  XFSX_TRYV(move_quota(txn, {&change, 1}, now, QuotaLimits::ignored));
  return success();
}

Result<FreedInode> free_with_contents(Workbench& bench, InodeNumber number, Timestamp now) {
  Volume& volume = bench.volume();
  XFSX_TRY(Inode const inode, load_inode(volume, number));
  XFSX_TRYV(check_unlinked(volume.geometry(), inode));
  Transaction txn(volume);
  Space space(txn);
  Refcounts counts(txn, space);
  XFSX_TRY(Bytes const copy, txn.edit_inode(number, inode.place, inode.cluster));
  BlockCount rt_blocks{};
  if (inode.is_realtime()) {
    XFSX_TRY(rt_blocks, drop_realtime_data(txn, space, inode, copy));
  } else {
    XFSX_TRYV(drop_fork(txn, space, counts, inode, copy, ForkKind::data));
  }
  XFSX_TRYV(drop_fork(txn, space, counts, inode, copy, ForkKind::attr));
  XFSX_TRYV(free_inode(txn, space, inode, copy));
  XFSX_TRYV(count_out(txn, quota_without(inode.core(), rt_blocks), now));
  XFSX_TRYV(space.finish());
  XFSX_TRYV(bench.take(txn));
  return FreedInode{number, BlockCount(inode.nblocks())};
}

}  // namespace

Result<std::vector<FreedInode>> free_unlinked(Workbench& bench, Timestamp now) {
  std::vector<FreedInode> freed;
  u32 const ags = bench.volume().geometry().ag_count();
  for (u32 ag = 0; ag < ags; ++ag) {
    for (u32 bucket = 0; bucket < disk::agi_unlinked_buckets; ++bucket) {
      XFSX_TRY(std::vector<Inode> const list,
               unlinked_inodes(bench.volume(), AgNumber(ag), bucket));
      for (Inode const& entry : list) {
        Result<FreedInode> const done = free_with_contents(bench, entry.number, now);
        if (!done) return with_owner(done.error(), entry.number);
        freed.push_back(done.value());
      }
    }
  }
  return freed;
}

}  // namespace xfsx::inline v0
