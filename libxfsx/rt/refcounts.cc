#include "rt/refcounts.h"

#include "ag/count_editor.h"
#include "inode/fork_store.h"
#include "rt/group_tree.h"

#include <utility>

namespace xfsx::inline v0 {

namespace {

FsBlock block_of_group(Geometry const& g, u32 group, u32 block) {
  return FsBlock((u64{group} << g.realtime().group_block_log) | block);
}

Location location_of(FsBlock block) {
  Location where;
  where.device = DeviceRole::realtime;
  where.kind = AddressKind::fsblock;
  where.address = block.raw();
  return where;
}

}  // namespace

/// The tree of one group.
class RealtimeRefcounts::OfGroup {
 public:
  OfGroup(Transaction& txn, Space& space, u32 group, ForkPlace const& place)
      : geometry_(txn.volume().geometry()),
        group_(group),
        store_(txn, space, place, block_of_inode(geometry_, place.number), Space::Use::kept_back),
        counts_(store_, [this](AgBlock block) {
          return location_of(block_of_group(geometry_, group_, block.raw()));
        }) {}

  Result<std::vector<BlockRun>> change(BlockRun const& run, CountDomain const& domain,
                                       CountStep step) {
    AgBlock const first(static_cast<u32>(geometry_.realtime().block_in_group(run.start)));
    XFSX_TRY(std::vector<Bnobt::Record> const freed,
             counts_.change({first, static_cast<u32>(run.length.raw())}, domain, step));
    std::vector<BlockRun> out;
    for (Bnobt::Record const& r : freed) {
      out.push_back({block_of_group(geometry_, group_, r.start.raw()), BlockCount(r.length)});
    }
    return out;
  }

 private:
  Geometry const& geometry_;
  u32 group_;
  ForkStore<RtRefcountbt> store_;
  CountEditor<RtRefcountbt, ForkStore<RtRefcountbt>> counts_;
};

RealtimeRefcounts::RealtimeRefcounts(Transaction& txn, Space& space) : txn_(txn), space_(space) {}
RealtimeRefcounts::RealtimeRefcounts(RealtimeRefcounts&&) noexcept = default;
RealtimeRefcounts::~RealtimeRefcounts() = default;

Result<RealtimeRefcounts::OfGroup*> RealtimeRefcounts::in(BlockRun const& run) {
  Geometry const& g = txn_.volume().geometry();
  if (!g.has_ro(ro_compat::reflink) || !g.realtime().groups) {
    return refuse(EOPNOTSUPP, "the filesystem does not count who shares realtime blocks");
  }
  if (!g.realtime().valid(run.start, run.length)) {
    Error e = located(Errc::bad_value, rtrefcountbt_kind.name, location_of(run.start));
    e.reason = "the blocks do not lie in a realtime group";
    return e;
  }
  u32 const group = g.realtime().group_of(run.start);
  std::unique_ptr<OfGroup>& found = groups_[group];
  if (!found) {
    XFSX_TRY(Inode const inode, find_group_tree(txn_.volume(), group, disk::MetaType::rt_refcount));
    XFSX_TRY(Bytes const copy, txn_.edit_inode(inode.number, inode.place, inode.cluster));
    found = std::make_unique<OfGroup>(txn_, space_, group, ForkPlace{inode.number, copy});
  }
  return found.get();
}

Result<void> RealtimeRefcounts::increase(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfGroup* const group, in(run));
  XFSX_TRYV(group->change(run, counted_files, CountStep::up));
  return success();
}

Result<std::vector<BlockRun>> RealtimeRefcounts::decrease(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfGroup* const group, in(run));
  return group->change(run, counted_files, CountStep::down);
}

Result<void> RealtimeRefcounts::add_staging(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfGroup* const group, in(run));
  XFSX_TRYV(group->change(run, counted_staging, CountStep::up));
  return success();
}

Result<void> RealtimeRefcounts::remove_staging(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfGroup* const group, in(run));
  XFSX_TRYV(group->change(run, counted_staging, CountStep::down));
  return success();
}

Result<std::vector<BlockRun>> realtime_staging(Volume& volume, u32 group) {
  Geometry const& g = volume.geometry();
  XFSX_TRY(Inode const inode, find_group_tree(volume, group, disk::MetaType::rt_refcount));
  BtreeReader<RtRefcountbt> tree(
      volume, {fork_bytes(inode, ForkKind::data), inode.number, inode.location(g)});
  std::vector<BlockRun> runs;
  // The walk may begin one record before those that are asked for.
  XFSX_TRYV(tree.visit(Refcountbt::staging, [&](Refcountbt::Record const& r) {
    if ((r.start & Refcountbt::staging) == 0) return true;
    u32 const start = r.start & ~Refcountbt::staging;
    runs.push_back({block_of_group(g, group, start), BlockCount(r.length)});
    return true;
  }));
  return runs;
}

}  // namespace xfsx::inline v0
