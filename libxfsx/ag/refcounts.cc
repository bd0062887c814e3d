#include "ag/refcounts.h"

#include "ag/count_editor.h"
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
        counts_(store_,
                [this](AgBlock block) { return geometry_.locate(geometry_.daddr(ag_, block)); }) {}

  Result<std::vector<BlockRun>> change(BlockRun const& run, CountDomain const& domain,
                                       CountStep step) {
    AgBlock const first = geometry_.agblock_of(run.start);
    XFSX_TRY(std::vector<Bnobt::Record> const freed,
             counts_.change({first, static_cast<u32>(run.length.raw())}, domain, step));
    std::vector<BlockRun> out;
    for (Bnobt::Record const& r : freed) {
      out.push_back({geometry_.fsblock(ag_, r.start), BlockCount(r.length)});
    }
    return out;
  }

 private:
  Geometry const& geometry_;
  AgNumber ag_;
  SpaceTreeBlocks blocks_;
  AgTreeStore<Refcountbt> store_;
  CountEditor<Refcountbt, AgTreeStore<Refcountbt>> counts_;
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
  XFSX_TRYV(ag->change(run, counted_files, CountStep::up));
  return success();
}

Result<std::vector<BlockRun>> Refcounts::decrease(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  return ag->change(run, counted_files, CountStep::down);
}

Result<void> Refcounts::add_staging(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  XFSX_TRYV(ag->change(run, counted_staging, CountStep::up));
  return success();
}

Result<void> Refcounts::remove_staging(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  XFSX_TRYV(ag->change(run, counted_staging, CountStep::down));
  return success();
}

}  // namespace xfsx::inline v0
