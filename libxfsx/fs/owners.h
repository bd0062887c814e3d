#pragma once
// What finds owners has in common: the blocks that are asked about, and the list of runs that grows
// from records of all kinds and ends sorted, joined and without gaps.

#include <xfsx/owner.h>

#include "inode/inode.h"

namespace xfsx::inline v0 {

/// Blocks `first` to `end` of the AGs `first_ag` to `last_ag`.
struct BlockRange {
  u32 first_ag = 0, last_ag = 0;
  u64 first = 0, end = 0;

  [[nodiscard]] bool has(AgNumber ag) const { return ag.raw() >= first_ag && ag.raw() <= last_ag; }
};

class OwnerList {
 public:
  OwnerList(Geometry const& geometry, BlockRange const& range)
      : geometry_(geometry), range_(range) {}

  [[nodiscard]] BlockRange const& range() const { return range_; }
  /// The blocks of AG `ag` that are asked about: none, a part, or all.
  [[nodiscard]] u64 first_of(AgNumber ag) const;
  [[nodiscard]] u64 end_of(AgNumber ag) const;

  /// Adds what of a run is asked about. The run lies in its AG.
  void add(OwnerKind kind, AgNumber ag, AgBlock start, u64 length);
  /// The same of a fork of an inode, or of a block of its mapping btree.
  void add_file(BlockOwner const& run);

  /// Everything, in the order of the disk: what goes on is joined, what nobody has is named.
  std::vector<BlockOwner> finish();

 private:
  void join();
  void mark_shared();
  void name_gaps();
  void complete(BlockOwner& run) const;

  Geometry const& geometry_;
  BlockRange range_;
  std::vector<BlockOwner> runs_;
};

/// Adds what the reverse mappings and the free space btrees say. Errors: those of the structures.
Result<void> owners_by_rmap(Volume& volume, OwnerList& list);

/// Adds what every structure that can own a block says of itself. Errors: cancelled; those of the
/// structures if `request` has nobody to tell of them.
Result<void> owners_by_scan(Volume& volume, OwnersRequest const& request, OwnerList& list);

}  // namespace xfsx::inline v0
