#include "ag/refcounts.h"

#include "ag/headers.h"
#include "ag/space_tree_blocks.h"
#include "ag/tree_store.h"

#include <algorithm>
#include <utility>

namespace xfsx::inline v0 {

namespace {

using Record = Refcountbt::Record;

/// The kinds of blocks that the tree has records of.
struct Domain {
  u32 mark;    ///< bits that the starts of its records carry
  u32 silent;  ///< the count of blocks without a record
};
constexpr Domain shared{0, 1};
constexpr Domain staged{Refcountbt::staging, 0};

/// What becomes of a count.
enum class Step : u8 { up, down };

/// Records of one domain laid out anew, block ranges as the tree numbers them.
class Layout {
 public:
  explicit Layout(Domain const& domain) : domain_(domain) {}

  void add(u64 start, u64 end, u32 count) {
    if (start >= end || count <= domain_.silent) return;
    u32 const length = static_cast<u32>(end - start);
    bool const goes_on = !records_.empty() && Refcountbt::end(records_.back()) == start &&
                         records_.back().count == count;
    if (goes_on) {
      records_.back().length += length;
    } else {
      records_.push_back({static_cast<u32>(start), length, count});
    }
  }
  [[nodiscard]] std::vector<Record> const& records() const { return records_; }

 private:
  Domain domain_;
  std::vector<Record> records_;
};

/// Edits that turn one list of records into the other; both are in order.
std::vector<BtreeEdit<Refcountbt>> difference(std::span<Record const> before,
                                              std::span<Record const> after) {
  std::vector<BtreeEdit<Refcountbt>> edits;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i;
      ++j;
      continue;
    }
    bool const out = j == after.size() || (i < before.size() && before[i].start <= after[j].start);
    edits.push_back(out ? BtreeEdit<Refcountbt>{before[i++], false}
                        : BtreeEdit<Refcountbt>{after[j++], true});
  }
  return edits;
}

}  // namespace

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
  Result<std::vector<BlockRun>> change(BlockRun const& run, Domain const& domain, Step step) {
    Change c{domain, step, Layout(domain), {}};
    u64 const from = geometry_.agblock_of(run.start).raw() | domain.mark;
    u64 const end = from + run.length.raw();
    XFSX_TRY(std::vector<Record> const before, neighbourhood(from, end, domain));
    u64 at = from;  // blocks before it are done
    for (Record const& r : before) {
      u64 const reach = Refcountbt::end(r);
      u64 const low = std::clamp<u64>(r.start, from, end);
      u64 const high = std::clamp<u64>(reach, from, end);
      c.after.add(r.start, std::min(reach, from), r.count);
      XFSX_TRYV(adjust(c, at, low, domain.silent));
      XFSX_TRYV(adjust(c, low, high, r.count));
      at = high;
      c.after.add(std::max<u64>(r.start, end), reach, r.count);
    }
    XFSX_TRYV(adjust(c, at, end, domain.silent));
    XFSX_TRYV(tree_.apply(difference(before, c.after.records())));
    return std::move(c.freed);
  }

 private:
  [[nodiscard]] Error wrong(u64 start, std::string_view field, u64 found, u64 expected,
                            Relation relation) const {
    AgBlock const block(static_cast<u32>(start) & ~Refcountbt::staging);
    return btree_error(refcountbt_kind, geometry_.locate(geometry_.daddr(ag_, block)), field, found,
                       expected, relation);
  }

  /// A change under way: how the records will be, and whose blocks have no owner then.
  struct Change {
    Domain domain;
    Step step;
    Layout after;
    std::vector<BlockRun> freed;
  };

  /// The records that have anything of the blocks, or touch them.
  Result<std::vector<Record>> neighbourhood(u64 from, u64 end, Domain const& domain) {
    XFSX_TRY(std::vector<Record> records, tree_.touching(from - 1, end));
    std::erase_if(records,
                  [&](Record const& r) { return (r.start & Refcountbt::staging) != domain.mark; });
    u64 reached = 0;
    for (Record const& r : records) {
      if (r.start < reached) {
        return wrong(r.start, "startblock", r.start, reached, Relation::at_least);
      }
      if (r.count <= domain.silent) {
        return wrong(r.start, "refcount", r.count, domain.silent + 1, Relation::at_least);
      }
      reached = Refcountbt::end(r);
    }
    return records;
  }

  /// Lays out blocks that all have one count.
  Result<void> adjust(Change& c, u64 start, u64 end, u32 count) const {
    if (start >= end) return success();
    bool const up = c.step == Step::up;
    if (c.domain.mark != 0 && count != (up ? 0 : 1)) {
      return wrong(start, "refcount", count, up ? 0 : 1, Relation::equal);
    }
    u32 const now = count == max_count ? count : up ? count + 1 : count - 1;
    c.after.add(start, end, now);
    if (now == 0) {
      AgBlock const first(static_cast<u32>(start) & ~c.domain.mark);
      c.freed.push_back({geometry_.fsblock(ag_, first), BlockCount(end - start)});
    }
    return success();
  }

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
  XFSX_TRYV(ag->change(run, shared, Step::up));
  return success();
}

Result<std::vector<BlockRun>> Refcounts::decrease(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  return ag->change(run, shared, Step::down);
}

Result<void> Refcounts::add_staging(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  XFSX_TRYV(ag->change(run, staged, Step::up));
  return success();
}

Result<void> Refcounts::remove_staging(FsBlock start, BlockCount length) {
  BlockRun const run{start, length};
  XFSX_TRY(OfAg* const ag, in(run));
  XFSX_TRYV(ag->change(run, staged, Step::down));
  return success();
}

}  // namespace xfsx::inline v0
