#pragma once
// Counts of owners as a btree keeps them, of an AG or of a realtime group: a run of blocks goes up
// or down by one. Records are split where the run begins and ends, and joined where neighbours then
// count alike.

#include "btree/editor.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace xfsx::inline v0 {

/// The kinds of blocks that such a tree has records of.
struct CountDomain {
  u32 mark = 0;    ///< bits that the starts of its records carry
  u32 silent = 0;  ///< the count of blocks without a record
};
/// Blocks of files.
inline constexpr CountDomain counted_files{0, 1};
/// Blocks that wait for a copy-on-write.
inline constexpr CountDomain counted_staging{Refcountbt::staging, 0};

enum class CountStep : u8 { up, down };

/// A count that is never changed again.
inline constexpr u32 sticky_count = ~u32{0};

template <class T, class Store>
class CountEditor {
 public:
  using Record = Refcountbt::Record;
  /// Blocks of the AG or the group.
  using Run = Bnobt::Record;
  /// Where such a block lies, for errors.
  using Locate = std::function<Location(AgBlock)>;

  CountEditor(Store& store, Locate locate) : tree_(store), locate_(std::move(locate)) {}

  /// Returns the blocks whose count is 0 afterwards, in order. Errors: bad_value for records that
  /// cannot be, and for staging that is there already, or is not; those of the store.
  Result<std::vector<Run>> change(Run const& run, CountDomain const& domain, CountStep step) {
    Change c{domain, step, {}, {}};
    u64 const from = run.start.raw() | domain.mark;
    u64 const end = from + run.length;
    XFSX_TRY(std::vector<Record> const before, neighbourhood(from, end, domain));
    u64 at = from;  // blocks before it are done
    for (Record const& r : before) {
      u64 const reach = T::end(r);
      u64 const low = std::clamp<u64>(r.start, from, end);
      u64 const high = std::clamp<u64>(reach, from, end);
      c.lay_out(r.start, std::min(reach, from), r.count);
      XFSX_TRYV(adjust(c, at, low, domain.silent));
      XFSX_TRYV(adjust(c, low, high, r.count));
      at = high;
      c.lay_out(std::max<u64>(r.start, end), reach, r.count);
    }
    XFSX_TRYV(adjust(c, at, end, domain.silent));
    XFSX_TRYV(tree_.apply(difference(before, c.after)));
    return std::move(c.freed);
  }

 private:
  /// A change under way: how the records will be, and whose blocks have no owner then.
  struct Change {
    CountDomain domain;
    CountStep step;
    std::vector<Record> after;
    std::vector<Run> freed;

    void lay_out(u64 start, u64 end, u32 count) {
      if (start >= end || count <= domain.silent) return;
      u32 const length = static_cast<u32>(end - start);
      bool const goes_on =
          !after.empty() && T::end(after.back()) == start && after.back().count == count;
      if (goes_on) {
        after.back().length += length;
      } else {
        after.push_back({static_cast<u32>(start), length, count});
      }
    }
  };

  /// Edits that turn one list of records into the other; both are in order.
  static std::vector<BtreeEdit<T>> difference(std::span<Record const> before,
                                              std::span<Record const> after) {
    std::vector<BtreeEdit<T>> edits;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < before.size() || j < after.size()) {
      if (i < before.size() && j < after.size() && before[i] == after[j]) {
        ++i;
        ++j;
        continue;
      }
      bool const out =
          j == after.size() || (i < before.size() && before[i].start <= after[j].start);
      edits.push_back(out ? BtreeEdit<T>{before[i++], false} : BtreeEdit<T>{after[j++], true});
    }
    return edits;
  }

  Error wrong(u64 start, std::string_view field, u64 found, u64 expected, Relation relation,
              std::source_location raised = std::source_location::current()) const {
    AgBlock const block(static_cast<u32>(start) & ~Refcountbt::staging);
    return btree_error(T::kind(), locate_(block), field, found, expected, relation, raised);
  }

  /// The records that have anything of the blocks, or touch them.
  Result<std::vector<Record>> neighbourhood(u64 from, u64 end, CountDomain const& domain) {
    XFSX_TRY(std::vector<Record> records, tree_.touching(from == 0 ? 0 : from - 1, end));
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
      reached = T::end(r);
    }
    return records;
  }

  /// Lays out blocks that all have one count.
  Result<void> adjust(Change& c, u64 start, u64 end, u32 count) const {
    if (start >= end) return success();
    bool const up = c.step == CountStep::up;
    if (c.domain.mark != 0 && count != (up ? 0 : 1)) {
      return wrong(start, "refcount", count, up ? 0 : 1, Relation::equal);
    }
    u32 const now = count == sticky_count ? count : up ? count + 1 : count - 1;
    c.lay_out(start, end, now);
    if (now == 0) {
      AgBlock const first(static_cast<u32>(start) & ~c.domain.mark);
      c.freed.push_back({first, static_cast<u32>(end - start)});
    }
    return success();
  }

  BtreeEditor<T, Store> tree_;
  Locate locate_;
};

}  // namespace xfsx::inline v0
