#include "rt/rmaps.h"

#include "inode/fork_store.h"
#include "rt/group_file.h"

namespace xfsx::inline v0 {

Result<std::vector<Rmapbt::Record>> GroupRmaps::touching(u64 from, u64 to) {
  if (!file_) {
    XFSX_TRY(file_, find_group_file(volume_, group_, disk::MetaType::rt_rmap));
  }
  Location const where = file_->location(volume_.geometry());
  BtreeReader<RtRmapbt> tree(volume_, {fork_bytes(*file_, ForkKind::data), file_->number, where});
  std::vector<Rmapbt::Record> out;
  XFSX_TRYV(tree.visit_range(from, to, [&](Rmapbt::Record const& r) {
    out.push_back(r);
    return true;
  }));
  return out;
}

Error GroupRmaps::disagrees(u64 block, std::string_view reason) const {
  Error e = btree_error(rtrmapbt_kind, Location{}, "owner", block, 0, Relation::none);
  e.address_kind = AddressKind::fsblock;
  e.address = u64{group_} << volume_.geometry().realtime().group_block_log | block;
  e.device = DeviceRole::realtime;
  e.reason = reason;
  return e;
}

Result<void> change_group_rmaps(Transaction& txn, Space& space, u32 group,
                                std::span<BtreeEdit<Rmapbt> const> edits) {
  XFSX_TRY(Inode const inode, find_group_file(txn.volume(), group, disk::MetaType::rt_rmap));
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

Result<void> change_realtime_rmaps(Transaction& txn, Space& space,
                                   std::span<MappingChange const> changes) {
  Geometry const& g = txn.volume().geometry();
  if (!g.has_ro(ro_compat::rmapbt) || !g.realtime().groups) return success();
  for (auto const& [group, edits] : rmap_edits(g, RmapPlace::realtime_group, changes)) {
    XFSX_TRYV(change_group_rmaps(txn, space, group, edits));
  }
  return success();
}

}  // namespace xfsx::inline v0
