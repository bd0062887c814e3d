#pragma once
// What quota counts follows blocks that change owners, in the checkpoint that moves them.
//
// Whose blocks are counted where is a matter of three kinds: user, group, project. A kind whose
// checked flag is set has counts that are right, and they are kept right to the block; where that
// cannot be done, because an owner has no dquot or its count is less than what leaves it, the
// kind's checked flag is cleared, and the next mount with quota counts anew. A kind that is not
// checked will be counted anyway: nothing is moved.
//
// A dquot's block is logged as a buffer of its kind and not as a dquot item: Linux reads the home
// of an item with all checks, and a block that power cut in half would stop the mount; a buffer
// is written over whatever lies there.

#include "quota/limits.h"
#include "txn/transaction.h"

#include <span>

namespace xfsx::inline v0 {

/// Whom an inode is counted for.
struct QuotaOwners {
  u32 user = 0, group = 0, project = 0;
};

QuotaOwners quota_owners(disk::Dinode const& core);

/// What a change does to what is counted for one inode.
struct QuotaChange {
  QuotaOwners owners;
  QuotaDelta delta;
};

/// The change of an inode's use of blocks, of which `rt_blocks` are on the realtime device. Owners
/// stay.
QuotaChange quota_change(disk::Dinode const& before, disk::Dinode const& after, s64 rt_blocks);

/// The change that comes with the end of an inode, as it is before. `rt_blocks`: as above.
QuotaChange quota_without(disk::Dinode const& inode, BlockCount rt_blocks);

/// Whether limits may refuse a change. They may not refuse the rest of one that has begun.
enum class QuotaLimits : u8 { judged, ignored };

/// Moves counts in private copies of dquots of version 5, every owner's by the sum of `changes`.
/// Where a kind is enforced, limits are judged at `now` before. True if the checked flag of a kind
/// has been cleared. Errors: refused by name with EDQUOT, of projects ENOSPC, and the operand that
/// gains, counted from 1; those of reading the quota files.
Result<bool> move_quota(Transaction& txn, std::span<QuotaChange const> changes, Timestamp now,
                        QuotaLimits limits = QuotaLimits::judged);

/// Has the next mount with quota count anew: clears the checked flag of each kind that is
/// accounted. It is what can be done before version 5, where groups and projects share a file and
/// move_quota() is not at home. Errors: those of reading the superblock.
Result<void> forget_quota_counts(Transaction& txn);

}  // namespace xfsx::inline v0
