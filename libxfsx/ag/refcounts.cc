#include "ag/refcounts.h"

#include "ag/count_changes.h"
#include "ag/headers.h"
#include "ag/space_tree_blocks.h"
#include "ag/tree_store.h"

#include <utility>

namespace xfsx::inline v0 {

/// The tree of one AG.
class Refcounts::OfAg {
 public:
  OfAg(Transaction& txn, Space& space, AgNumber ag, BufferRef agf)
      : geometry_(txn.volume().geometry()),
        ag_(ag),
        blocks_(space, geometry_, ag, view_as<disk::Agf>(agf->bytes()).refcntroot.value(),
                disk::rmap_owner::refcount),
        store_(txn, ag, std::move(agf), blocks_),
        tree_(store_) {}

  /// Returns the blocks whose count is 0 afterwards.
  Result<std::vector<BlockRun>> change(BlockRun const& run, CountDomain const& domain,
                                       CountStep step) {
    u64 const from = geometry_.agblock_of(run.start).raw();
    CountChange const change{from, from + run.length.raw(), domain, step};
    auto const bad = [this](u64 start, std::string_view field, u64 found, u64 expected,
                            Relation relation) {
      AgBlock const block(static_cast<u32>(start) & ~Refcountbt::staging);
      return btree_error(refcountbt_kind, geometry_.locate(geometry_.daddr(ag_, block)), field,
                         found, expected, relation);
    };
    XFSX_TRY(std::vector<Refcountbt::Record> const around,
             tree_.touching(change.first() - 1, change.limit()));
    XFSX_TRY(CountOutcome const outcome, change_refcounts(around, change, bad));
    XFSX_TRYV(tree_.apply(outcome.edits));
    std::vector<BlockRun> freed;
    for (CountedRun const& r : outcome.freed) {
      AgBlock const first(static_cast<u32>(r.start));
      freed.push_back({geometry_.fsblock(ag_, first), BlockCount(r.length)});
    }
    return freed;
  }

 private:
  Geometry const& geometry_;
  AgNumber ag_;
  SpaceTreeBlocks blocks_;
  AgTreeStore<Refcountbt> store_;
  BtreeEditor<Refcountbt, AgTreeStore<Refcountbt>> tree_;
};

Refcounts::Refcounts(Transaction& txn, Space& space) : txn_(txn), space_(space) {}
Refcounts::Refcounts(Refcounts&&) noexcept = default;
Refcounts::~Refcounts() = default;

Result<Refcounts::OfAg*> Refcounts::in(BlockRun const& run) {
  Geometry const& g = txn_.volume().geometry();
  if (!g.has_ro(ro_compat::reflink)) {
    return refuse(EOPNOTSUPP, "the filesystem does not count who shares blocks");
  }
  if (!g.valid(run.start, run.length)) {
    Error e = make_error(Errc::bad_value, EUCLEAN, "the blocks do not lie in an AG");
    e.structure = refcountbt_kind.name;
    e.address_kind = AddressKind::fsblock;
    e.address = run.start.raw();
    return e;
  }
  AgNumber const ag = g.ag_of(run.start);
  std::unique_ptr<OfAg>& found = ags_[ag.raw()];
  if (!found) {
    XFSX_TRY(BufferRef agf, load_agf(txn_.volume(), ag));
    found = std::make_unique<OfAg>(txn_, space_, ag, std::move(agf));
  }
  return found.get();
}

Result<void> Refcounts::increase(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  XFSX_TRYV(ag->change(run, shared_blocks, CountStep::up));
  return success();
}

Result<std::vector<BlockRun>> Refcounts::decrease(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  return ag->change(run, shared_blocks, CountStep::down);
}

Result<void> Refcounts::add_staging(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  XFSX_TRYV(ag->change(run, staged_blocks, CountStep::up));
  return success();
}

Result<void> Refcounts::remove_staging(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  XFSX_TRYV(ag->change(run, staged_blocks, CountStep::down));
  return success();
}

}  // namespace xfsx::inline v0
