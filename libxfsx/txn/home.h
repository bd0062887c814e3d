#pragma once
// The places that a checkpoint's changes finally go to. A block goes home with the LSN that it had
// before and a fresh checksum: if power fails in the middle of the block, replay does not find the
// new LSN in its first sector and so writes the block again, whole. (A block that carries the
// checkpoint's LSN is skipped by replay, and half of it may be missing.)

#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Everything that is written in place, in memory and ready: whole blocks, and for inodes the
/// sectors that they lie in. Also the blocks as the cache is to hold them afterwards.
struct HomeImage {
  std::vector<std::shared_ptr<Buffer>> buffers;
  std::vector<WriteRequest> writes;  ///< in the order of addresses; they point into `buffers`

  [[nodiscard]] u64 bytes() const;
};

/// Builds the home image of a transaction whose copies carry their final checksums; its blocks are
/// the transaction's own copies.
HomeImage make_home_image(Transaction const& txn);

}  // namespace xfsx::inline v0
