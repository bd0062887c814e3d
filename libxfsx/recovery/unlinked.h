#pragma once
// Files that lost their last name while they were open, when the machine went down: nobody can
// come to them any more. Each is freed with all that it holds.

#include "recovery/workbench.h"

#include <vector>

namespace xfsx::inline v0 {

struct FreedInode {
  InodeNumber number{};
  BlockCount blocks{};  ///< that it had, realtime blocks included
};

/// Frees the inodes on the unlinked lists of all AGs, list by list, each in a transaction that
/// `bench` takes. Their owners' quota counts them no longer (quota/move.h), and timers are kept by
/// `now`; before version 5, the next mount with quota counts anew. The superblock's counts have to
/// be those of the AGs. Errors: bad_value, with the inode as owner, for one that has links or is
/// free; loop; refused EOPNOTSUPP for a file of the filesystem itself; those of reading;
/// refused ENOSPC.
Result<std::vector<FreedInode>> free_unlinked(Workbench& bench, Timestamp now);

}  // namespace xfsx::inline v0
