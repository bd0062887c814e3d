#include "rt/refcounts.h"

#include "inode/fork_store.h"
#include "rt/group_file.h"

namespace xfsx::inline v0 {

namespace {

using Tree = BtreeEditor<RtRefcountbt, ForkStore<RtRefcountbt>>;

std::vector<BtreeEdit<RtRefcountbt>> of_group(std::span<BtreeEdit<Refcountbt> const> edits) {
  std::vector<BtreeEdit<RtRefcountbt>> out;
  for (BtreeEdit<Refcountbt> const& e : edits) out.push_back({e.record, e.insert});
  return out;
}

}  // namespace

Result<std::vector<RealtimeRun>> change_realtime_refcounts(Transaction& txn, Space& space,
                                                           RealtimeRun const& run,
                                                           CountDomain const& domain,
                                                           CountStep step) {
  Geometry const& g = txn.volume().geometry();
  u32 const group = g.realtime().group_of(run.start);
  XFSX_TRY(Inode const inode, find_group_file(txn.volume(), group, disk::MetaType::rt_refcount));
  XFSX_TRY(Bytes const copy, txn.edit_inode(inode.number, inode.place, inode.cluster));
  ForkStore<RtRefcountbt> store(txn, space, {inode.number, copy}, block_of_inode(g, inode.number),
                                Space::Use::kept_back);
  Tree tree(store);
  u64 const from = g.realtime().block_in_group(run.start);
  CountChange const change{from, from + run.length.raw(), domain, step};
  auto const bad = [&](u64, std::string_view field, u64 found, u64 expected, Relation relation) {
    return btree_error(rtrefcountbt_kind, inode.location(g), field, found, expected, relation);
  };
  u64 const beside = change.first() == 0 ? 0 : change.first() - 1;
  XFSX_TRY(std::vector<Refcountbt::Record> const around, tree.touching(beside, change.limit()));
  XFSX_TRY(CountOutcome const outcome, change_refcounts(around, change, bad));
  XFSX_TRYV(tree.apply(of_group(outcome.edits)));
  std::vector<RealtimeRun> freed;
  for (CountedRun const& r : outcome.freed) {
    freed.push_back({run.start + BlockCount(r.start - from), BlockCount(r.length)});
  }
  return freed;
}

}  // namespace xfsx::inline v0
