#include "recovery/finish_refcount.h"

#include "ag/refcounts.h"
#include "rt/refcounts.h"

namespace xfsx::inline v0 {

namespace {

namespace what = disk::count_intent;

/// `Counts`: of AGs or of realtime groups.
template <class Counts>
Result<void> apply(Counts& counts, RefcountIntent::Change const& change, FreeWork& freed) {
  BlockCount const length(change.length);
  switch (change.flags) {
    case what::increase:
      return counts.increase(change.start, length);
    case what::alloc_cow:
      return counts.add_staging(change.start, length);
    case what::free_cow:
      return counts.remove_staging(change.start, length);
    default:
      break;
  }
  XFSX_TRY(std::vector<BlockRun> const runs, counts.decrease(change.start, length));
  for (BlockRun const& run : runs) {
    freed.extents.push_back({run.start, static_cast<u32>(run.length.raw())});
  }
  return success();
}

template <class Counts>
Result<void> change_counts(Transaction& txn, Space& space, RefcountIntent const& work,
                           FreeWork& freed) {
  Counts counts(txn, space);
  for (RefcountIntent::Change const& c : work.changes) {
    XFSX_TRYV(apply(counts, c, freed));
  }
  return success();
}

}  // namespace

Result<void> check_refcount(Volume& volume, Intent const& intent) {
  Geometry const& g = volume.geometry();
  if (!g.has_ro(ro_compat::reflink) || (intent.realtime && !g.realtime().groups)) {
    return bad_intent(intent, {"type", static_cast<u64>(intent.type), 0, Relation::none,
                               "the filesystem does not count who shares blocks"});
  }
  for (RefcountIntent::Change const& c : std::get<RefcountIntent>(intent.work).changes) {
    if (c.flags < what::increase || c.flags > what::free_cow) {
      return bad_intent(intent, {"flags", c.flags, what::free_cow, Relation::at_most});
    }
    XFSX_TRYV(check_blocks(g, intent, c.start, c.length, intent.realtime));
  }
  return success();
}

Result<void> finish_refcount(Finishing& finishing, Intent const& intent) {
  Transaction txn(finishing.bench.volume());
  Space space(txn);
  FreeWork freed;
  freed.realtime = intent.realtime;
  auto const& work = std::get<RefcountIntent>(intent.work);
  XFSX_TRYV(intent.realtime ? change_counts<RealtimeRefcounts>(txn, space, work, freed)
                            : change_counts<Refcounts>(txn, space, work, freed));
  XFSX_TRYV(space.finish());
  XFSX_TRYV(finishing.bench.take(txn));
  if (!freed.extents.empty()) finishing.left.emplace_back(std::move(freed));
  return success();
}

}  // namespace xfsx::inline v0
