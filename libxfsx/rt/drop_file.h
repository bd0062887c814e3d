#pragma once
// Gives up the blocks of a realtime file.

#include "inode/drop_fork.h"

namespace xfsx::inline v0 {

/// Empties the data fork of a realtime file: drop_fork for blocks of the realtime section; how many
/// of these the file had. Errors: those of drop_fork, RealtimeSpace, RealtimeRefcounts and
/// change_realtime_rmaps.
Result<BlockCount> drop_realtime_data(Transaction& txn, Space& space, Inode const& inode,
                                      Bytes copy);

}  // namespace xfsx::inline v0
