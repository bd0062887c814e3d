#pragma once
// How many owners realtime blocks have: ag/refcounts.h for the groups of the realtime section,
// whose btrees are rooted in metadata files.

#include "ag/refcounts.h"

namespace xfsx::inline v0 {

class RealtimeRefcounts {
 public:
  /// Both must live as long as this; `space` is finished by the caller, when nothing else changes.
  RealtimeRefcounts(Transaction& txn, Space& space);
  RealtimeRefcounts(RealtimeRefcounts&&) noexcept;
  ~RealtimeRefcounts();

  // Errors of all of these: bad_value for blocks outside a group; refused EOPNOTSUPP without
  // reflink or groups; refused ENOSPC where the tree must grow; those of reading. For what else,
  // see Refcounts.

  Result<void> increase(FsBlock start, BlockCount length);
  Result<std::vector<BlockRun>> decrease(FsBlock start, BlockCount length);
  Result<void> add_staging(FsBlock start, BlockCount length);
  Result<void> remove_staging(FsBlock start, BlockCount length);

 private:
  class OfGroup;
  Result<OfGroup*> in(BlockRun const& run);

  Transaction& txn_;
  Space& space_;
  std::map<u32, std::unique_ptr<OfGroup>> groups_;
};

/// Blocks of a group that wait for a copy-on-write. Errors: those of find_group_tree and of
/// reading.
Result<std::vector<BlockRun>> realtime_staging(Volume& volume, u32 group);

}  // namespace xfsx::inline v0
