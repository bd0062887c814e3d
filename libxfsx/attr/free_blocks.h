#pragma once
// Blocks of an attribute fork that go back to free space.

#include "attr/fork_map.h"
#include "txn/transaction.h"

#include <set>

namespace xfsx::inline v0 {

/// Takes blocks, by their offsets, out of an attribute fork in the private copy of its inode, and
/// frees them: mappings, the inode's count, free space and reverse mappings follow. Where that
/// leaves no mapping, the fork has none, and is the caller's to lay out. Errors: bad_value (field
/// nblocks); refused ENOSPC where a btree of the AG would need a block; those of reading.
Result<void> free_fork_blocks(Transaction& txn, Inode const& inode, Bytes copy, ForkMap const& map,
                              std::set<u64> const& offsets);

}  // namespace xfsx::inline v0
