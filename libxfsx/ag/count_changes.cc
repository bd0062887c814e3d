#include "ag/count_changes.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using Record = Refcountbt::Record;

/// Records of one domain laid out anew.
class Layout {
 public:
  explicit Layout(CountDomain const& domain) : domain_(domain) {}

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
  CountDomain domain_;
  std::vector<Record> records_;
};

/// A change under way: how the records will be, and whose blocks have no owner then.
struct Progress {
  CountChange const& change;
  BadCount const& bad;
  Layout after;
  std::vector<CountedRun> freed{};

  /// Lays out blocks that all have one count.
  Result<void> adjust(u64 start, u64 end, u32 count) {
    if (start >= end) return success();
    bool const up = change.step == CountStep::up;
    if (change.domain.mark != 0 && count != (up ? 0 : 1)) {
      return bad(start, "refcount", count, up ? 0 : 1, Relation::equal);
    }
    u32 const now = count == max_refcount ? count : up ? count + 1 : count - 1;
    after.add(start, end, now);
    if (now == 0) freed.push_back({start & ~u64{change.domain.mark}, end - start});
    return success();
  }
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

/// The records of the domain, which do not overlap.
Result<std::vector<Record>> of_domain(std::span<Record const> around, CountDomain const& domain,
                                      BadCount const& bad) {
  std::vector<Record> records;
  u64 reached = 0;
  for (Record const& r : around) {
    if ((r.start & Refcountbt::staging) != domain.mark) continue;
    if (r.start < reached) return bad(r.start, "startblock", r.start, reached, Relation::at_least);
    if (r.count <= domain.silent) {
      return bad(r.start, "refcount", r.count, domain.silent + 1, Relation::at_least);
    }
    reached = Refcountbt::end(r);
    records.push_back(r);
  }
  return records;
}

}  // namespace

Result<CountOutcome> change_refcounts(std::span<Record const> around, CountChange const& change,
                                      BadCount const& bad) {
  XFSX_TRY(std::vector<Record> const before, of_domain(around, change.domain, bad));
  Progress progress{change, bad, Layout(change.domain)};
  u64 const from = change.first();
  u64 const end = change.limit();
  u64 at = from;  // blocks before it are done
  for (Record const& r : before) {
    u64 const reach = Refcountbt::end(r);
    u64 const low = std::clamp<u64>(r.start, from, end);
    u64 const high = std::clamp<u64>(reach, from, end);
    progress.after.add(r.start, std::min(reach, from), r.count);
    XFSX_TRYV(progress.adjust(at, low, change.domain.silent));
    XFSX_TRYV(progress.adjust(low, high, r.count));
    at = high;
    progress.after.add(std::max<u64>(r.start, end), reach, r.count);
  }
  XFSX_TRYV(progress.adjust(at, end, change.domain.silent));
  return CountOutcome{difference(before, progress.after.records()), std::move(progress.freed)};
}

}  // namespace xfsx::inline v0
