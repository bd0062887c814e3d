#pragma once
// Free realtime space: a bitmap with a bit for each extent, and a summary that counts free runs by
// the log2 of their length and the block of the bitmap in which they begin. With groups each group
// has its own.

#include "ag/refcounts.h"

#include <map>

namespace xfsx::inline v0 {

/// Free extents by the bitmaps of all groups. Errors: those of reading.
Result<u64> count_free_extents(Transaction& txn);

class RealtimeSpace {
 public:
  /// `txn` must live as long as this.
  explicit RealtimeSpace(Transaction& txn);
  RealtimeSpace(RealtimeSpace&&) noexcept;
  ~RealtimeSpace();

  /// The blocks are free again, in bitmap, summary and superblock. Neighbouring runs may share a
  /// realtime extent, together they are whole ones. Errors: bad_value for parts of extents, for
  /// blocks outside a group, for those that are free already, and where the summary disagrees;
  /// refused EOPNOTSUPP for zones; those of reading.
  Result<void> release(std::vector<BlockRun> runs);

 private:
  class OfGroup;
  Result<OfGroup*> in(u32 group);
  Result<void> release_run(BlockRun const& run);

  Transaction& txn_;
  std::map<u32, std::unique_ptr<OfGroup>> groups_;
};

}  // namespace xfsx::inline v0
