#pragma once
// Blocks that an attribute fork takes and gives back, in the private copy of its inode: mappings,
// the inode's count, free space and reverse mappings follow together at the end.

#include "ag/space.h"
#include "attr/fork_map.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

class ForkBlocks {
 public:
  /// `before`: what the fork maps. All of them outlive this.
  ForkBlocks(Transaction& txn, InodeNumber inode, Bytes copy, std::span<Mapping const> before);

  /// Free blocks for `count` blocks in a row of the fork, the first such row that maps nothing.
  /// Returns the offset of the first. Errors: refused ENOSPC, EFBIG; those of reading.
  Result<u32> take(u32 count);

  /// Where a block of the fork lies by now; it is mapped.
  [[nodiscard]] FsBlock at(u32 offset) const;

  /// A block of the fork, which was taken here, with zeros but for what every block says of itself.
  Result<Bytes> create(BlockKind const& kind, u32 offset);

  /// Errors: refused ENOSPC; those of reading; bad_value.
  Result<void> finish();

 private:
  [[nodiscard]] u32 free_row(u32 count) const;

  Transaction& txn_;
  InodeNumber inode_;
  Bytes copy_;
  Space space_;
  std::span<Mapping const> before_;
  std::vector<Mapping> after_;  // in order, neighbours not joined
  u64 taken_ = 0;
};

}  // namespace xfsx::inline v0
