#pragma once
// The log items of a transaction, found by comparing its copies with their originals.

#include "log/log_writer.h"
#include "txn/transaction.h"

#include <vector>

namespace xfsx::inline v0 {

/// Hands a transaction's items to the log writer: changed blocks by address, blocks that are freed,
/// then changed inodes by number. A checkpoint is encoded while it is written; nothing is allocated
/// then.
class TransactionItems final : public ItemSource {
 public:
  /// `whole_blocks_to`: for tests; log whole blocks, over and over, until the items have this many
  /// bytes. Drops blocks and inodes that did not change from `txn`. Errors: bad_value of an inode
  /// whose forks cannot be logged. Throws std::bad_alloc.
  static Result<std::unique_ptr<TransactionItems>> make(Transaction& txn, u64 whole_blocks_to);

  [[nodiscard]] LogSizes sizes() const override { return sizes_; }
  Result<bool> next(LogItem& item) override;

 private:
  TransactionItems() = default;
  void add_blocks(Transaction& txn, bool whole);
  Result<void> add_inodes(Transaction& txn);

  std::vector<BufferItem> buffers_;
  std::vector<BlockExtent> freed_;
  std::vector<InodeItem> inodes_;
  u64 rounds_ = 1;  // how often the buffers are logged
  LogSizes sizes_;
  std::size_t at_ = 0;
};

}  // namespace xfsx::inline v0
