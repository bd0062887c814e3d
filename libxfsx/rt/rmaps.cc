#include "rt/rmaps.h"

#include "inode/fork_store.h"
#include "rt/group_tree.h"

namespace xfsx::inline v0 {

namespace {

Result<void> change_group(Transaction& txn, Space& space, u32 group,
                          std::span<BtreeEdit<Rmapbt> const> edits) {
  XFSX_TRY(Inode const inode, find_group_tree(txn.volume(), group, disk::MetaType::rt_rmap));
  XFSX_TRY(Bytes const copy, txn.edit_inode(inode.number, inode.place, inode.cluster));
  ForkStore<RtRmapbt> store(txn, space, {inode.number, copy},
                            block_of_inode(txn.volume().geometry(), inode.number),
                            Space::Use::kept_back);
  std::vector<BtreeEdit<RtRmapbt>> sorted;
  sorted.reserve(edits.size());
  for (BtreeEdit<Rmapbt> const& edit : edits) sorted.push_back({edit.record, edit.insert});
  sort_edits(sorted);
  return BtreeEditor<RtRmapbt, ForkStore<RtRmapbt>>(store).apply(sorted);
}

}  // namespace

Result<void> change_realtime_rmaps(Transaction& txn, Space& space,
                                   std::span<MappingChange const> changes) {
  Geometry const& g = txn.volume().geometry();
  if (!g.has_ro(ro_compat::rmapbt) || !g.realtime().groups) return success();
  for (auto const& [group, edits] : rmap_edits(g, RmapPlace::realtime_group, changes)) {
    XFSX_TRYV(change_group(txn, space, group, edits));
  }
  return success();
}

}  // namespace xfsx::inline v0
