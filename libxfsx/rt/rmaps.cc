#include "rt/rmaps.h"

#include "ag/run_set.h"
#include "inode/fork_store.h"
#include "rt/group_tree.h"

#include <set>

namespace xfsx::inline v0 {

namespace {

/// The tree of one group.
class GroupRmaps {
 public:
  static Result<GroupRmaps> open(Transaction& txn, Space& space, u32 group) {
    XFSX_TRY(Inode const inode, find_group_tree(txn.volume(), group, disk::MetaType::rt_rmap));
    XFSX_TRY(Bytes const copy, txn.edit_inode(inode.number, inode.place, inode.cluster));
    return GroupRmaps(txn, space, {inode.number, copy});
  }

  Result<void> change(std::span<BtreeEdit<Rmapbt> const> edits) {
    std::vector<BtreeEdit<RtRmapbt>> sorted;
    sorted.reserve(edits.size());
    for (BtreeEdit<Rmapbt> const& edit : edits) sorted.push_back({edit.record, edit.insert});
    sort_edits(sorted);
    return BtreeEditor<RtRmapbt, ForkStore<RtRmapbt>>(store_).apply(sorted);
  }

  /// Takes out the records that `owner` has around `runs`, and puts back what is left of them.
  Result<void> remove(u64 owner, std::span<RunSet::Run const> runs) {
    std::vector<BtreeEdit<Rmapbt>> edits;
    std::set<u32> taken;  // starts of records
    RunSet blocks;
    BtreeEditor<RtRmapbt, ForkStore<RtRmapbt>> tree(store_);
    for (RunSet::Run const& run : runs) {
      XFSX_TRY(std::vector<Rmapbt::Record> const records,
               tree.touching(run.start.raw(), Bnobt::end(run) - 1));
      for (Rmapbt::Record const& r : records) {
        if (r.owner != owner || !taken.insert(r.start.raw()).second) continue;
        if (blocks.touches({r.start, r.length})) return disagrees(r.start, owner);
        edits.push_back({r, false});
        blocks.add({r.start, r.length});
      }
      std::vector<RunSet::Run> const missing = blocks.remove(run);
      if (!missing.empty()) return disagrees(missing.front().start, owner);
    }
    for (RunSet::Run const& run : blocks.runs()) {
      edits.push_back({{run.start, run.length, owner, 0, false, false, false}, true});
    }
    return change(edits);
  }

 private:
  GroupRmaps(Transaction& txn, Space& space, ForkPlace const& place)
      : place_(place),
        store_(txn, space, place, block_of_inode(txn.volume().geometry(), place.number),
               Space::Use::kept_back) {}

  [[nodiscard]] Error disagrees(AgBlock block, u64 owner) const {
    Location where;
    where.owner = place_.number;
    where.agblock = block;
    return btree_error(rtrmapbt_kind, where, "owner", 0, owner);
  }

  ForkPlace place_;
  ForkStore<RtRmapbt> store_;
};

bool has_group_rmaps(Geometry const& g) {
  return g.has_ro(ro_compat::rmapbt) && g.realtime().groups;
}

}  // namespace

Result<void> change_realtime_rmaps(Transaction& txn, Space& space,
                                   std::span<MappingChange const> changes) {
  Geometry const& g = txn.volume().geometry();
  if (!has_group_rmaps(g)) return success();
  for (auto const& [group, edits] : rmap_edits(g, RmapPlace::realtime_group, changes)) {
    XFSX_TRY(GroupRmaps rmaps, GroupRmaps::open(txn, space, group));
    XFSX_TRYV(rmaps.change(edits));
  }
  return success();
}

Result<void> change_group_rmaps(Transaction& txn, Space& space, u32 group,
                                std::span<BtreeEdit<Rmapbt> const> edits) {
  XFSX_TRY(GroupRmaps rmaps, GroupRmaps::open(txn, space, group));
  return rmaps.change(edits);
}

Result<void> remove_realtime_owner(Transaction& txn, Space& space, u64 owner,
                                   std::span<BlockRun const> runs) {
  Geometry const& g = txn.volume().geometry();
  if (!has_group_rmaps(g)) return success();
  std::map<u32, RunSet> by_group;
  for (BlockRun const& run : runs) {
    AgBlock const start(static_cast<u32>(g.realtime().block_in_group(run.start)));
    by_group[g.realtime().group_of(run.start)].add({start, static_cast<u32>(run.length.raw())});
  }
  for (auto const& [group, blocks] : by_group) {
    XFSX_TRY(GroupRmaps rmaps, GroupRmaps::open(txn, space, group));
    XFSX_TRYV(rmaps.remove(owner, blocks.runs()));
  }
  return success();
}

}  // namespace xfsx::inline v0
