#pragma once
// The reverse mappings of realtime blocks: a btree for each group, rooted in a metadata file, whose
// blocks are free space of the data device and have reverse mappings of their own there.

#include "ag/refcounts.h"
#include "inode/mapping_rmaps.h"

namespace xfsx::inline v0 {

/// Changes the trees of the groups that the changes touch, in private copies. Nothing without
/// rmapbt. What they need beyond their blocks is taken from `space`, which is finished afterwards.
/// Errors: refused ENOSPC; those of find_group_tree and of reading; bad_value where a tree does not
/// hold what the files have.
Result<void> change_realtime_rmaps(Transaction& txn, Space& space,
                                   std::span<MappingChange const> changes);

/// Changes the tree of one group, which exists, likewise; the edits are in order.
Result<void> change_group_rmaps(Transaction& txn, Space& space, u32 group,
                                std::span<BtreeEdit<Rmapbt> const> edits);

/// Takes blocks from one of disk::rmap_owner; it keeps what else it has. Nothing without rmapbt.
/// Errors: bad_value (field owner) for a block that it does not have; those of
/// change_realtime_rmaps.
Result<void> remove_realtime_owner(Transaction& txn, Space& space, u64 owner,
                                   std::span<BlockRun const> runs);

}  // namespace xfsx::inline v0
