#pragma once
// The transactions that recovery would replay, taken out of a dirty log and written as a new log
// into its place: in the other byte order, in records of another size, changed on the way. Recovery
// must end the same.
//
// The new log begins in the cycle behind the old one, so that its LSNs are above those of all
// blocks on disk, and each image is replayed. That ends like a replay that passes over blocks which
// are newer than some of the transactions: a block that carries the LSN of a transaction between
// tail and head was written after it, and that transaction, and all behind it, are replayed in
// their order over the older images. Images from before a block was freed are called off in the
// same log.

#include "log/compose.h"

#include <functional>

namespace xfsx::inline v0 {

struct RelogOptions {
  u32 record_size = 0;                     ///< bytes; 0: that of the old log
  u32 format = disk::log_format_linux_le;  ///< h_fmt of the new log
  /// Called for each transaction before it is written; may change it.
  std::function<Result<void>(ComposedTransaction&)> change;
};

/// The transactions between tail and head: those with a commit in its order, then those without.
/// Errors: those of the log's reader and of decode_log_item().
Result<std::vector<ComposedTransaction>> pending_transactions(BlockDevice& device,
                                                              LogGeometry const& log,
                                                              LogState const& state);

/// Writes the log anew. The old log is gone before the new one is there. Errors: refused EINVAL for
/// a clean log; those of pending_transactions() and LogComposer.
Result<CheckpointResult> relog(BlockDevice& device, LogGeometry const& log,
                               RelogOptions const& options);

}  // namespace xfsx::inline v0
