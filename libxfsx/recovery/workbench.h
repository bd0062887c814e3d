#pragma once
// Where interrupted work is finished: a volume that sees the filesystem as replay left it, and
// takes what transactions change into the same memory. Many transactions may follow each other; the
// device is written once, when all of them are done.

#include "recovery/replayed_device.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

class Workbench {
 public:
  /// Opens the filesystem that `blocks` make of their device. Both must live as long as this.
  /// Errors: those of Volume::open.
  static Result<std::unique_ptr<Workbench>> open(ReplayedBlocks& blocks,
                                                 FurtherDevices const& further);
  /// The same where the state of the log is known.
  static Result<std::unique_ptr<Workbench>> open(ReplayedBlocks& blocks,
                                                 FurtherDevices const& further,
                                                 LogState const& log);

  [[nodiscard]] Volume& volume() { return *volume_; }
  /// The data device as it will be.
  [[nodiscard]] BlockDevice& device() { return device_; }

  /// Takes what the transaction changed, verified and with its checksums, as if it had been
  /// committed; later transactions see it. Errors: those of the verifiers; io.
  Result<void> take(Transaction& txn);

 private:
  explicit Workbench(ReplayedBlocks& blocks) : blocks_(blocks), device_(blocks) {}
  Result<void> take_block(EditedBlock& block);
  Result<void> take_inode(EditedInode& inode);

  ReplayedBlocks& blocks_;
  ReplayedDevice device_;
  std::unique_ptr<Volume> volume_;
};

}  // namespace xfsx::inline v0
