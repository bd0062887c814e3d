#pragma once
// What a change of reference counts makes of the records around its blocks: those of an AG's tree,
// or of a realtime group's. There are records only of blocks with more than one owner; behind them,
// marked by the top bit of their start, those of blocks that were taken for a copy-on-write and
// belong to no file yet. Neighbouring blocks with one count are one record. Pure.

#include "btree/editor.h"

#include <functional>
#include <span>
#include <vector>

namespace xfsx::inline v0 {

/// A count that is never changed again.
inline constexpr u32 max_refcount = ~u32{0};

/// The kinds of blocks that a tree has records of.
struct CountDomain {
  u32 mark;    ///< bits that the starts of its records carry
  u32 silent;  ///< the count of blocks without a record
};
inline constexpr CountDomain shared_blocks{0, 1};
inline constexpr CountDomain staged_blocks{Refcountbt::staging, 0};

/// What becomes of a count.
enum class CountStep : u8 { up, down };

struct CountChange {
  u64 from = 0, end = 0;  ///< as the tree numbers blocks, without the mark
  CountDomain domain = shared_blocks;
  CountStep step = CountStep::up;

  /// The first block, and the end, as the records of the domain have them.
  [[nodiscard]] u64 first() const { return from | domain.mark; }
  [[nodiscard]] u64 limit() const { return end + domain.mark; }
};

/// Blocks of the tree.
struct CountedRun {
  u64 start = 0, length = 0;
};

struct CountOutcome {
  std::vector<BtreeEdit<Refcountbt>> edits;
  std::vector<CountedRun> freed;  ///< whose count is 0 afterwards
};

/// Makes an error of a record that starts at `start`: field, number found, number expected.
using BadCount = std::function<Error(u64 start, std::string_view field, u64 found, u64 expected,
                                     Relation relation)>;

/// `around`: all records that have anything of the blocks or touch them, in order; others do no
/// harm. Errors: made by `bad`, for records that overlap, or have counts that cannot be, and for
/// staged blocks that are staged already, or are not.
Result<CountOutcome> change_refcounts(std::span<Refcountbt::Record const> around,
                                      CountChange const& change, BadCount const& bad);

}  // namespace xfsx::inline v0
