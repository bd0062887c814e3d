#pragma once
// The lists of inodes that have no name any more and were open: an AG has 64, each inode names the
// next one, and new ones come first.

#include "inode/inode.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// The list of an AG that an inode belongs on.
inline u32 unlinked_bucket(AgInode agino) {
  return agino.raw() % disk::agi_unlinked_buckets;
}

/// The inodes on a list, from the first on. Errors: loop; bad_value for an inode that is free, does
/// not exist, or is on the list of others; those of reading; all with the inode as owner.
Result<std::vector<Inode>> unlinked_inodes(Volume& volume, AgNumber ag, u32 bucket);

/// Takes an inode off its list; `copy` is its private copy. Errors: bad_value if it is not on it;
/// those of unlinked_inodes.
Result<void> take_off_unlinked_list(Transaction& txn, Inode const& inode, Bytes copy);

}  // namespace xfsx::inline v0
