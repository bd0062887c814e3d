#pragma once
// Which blocks of an attribute fork belong to its attributes. An interrupted operation may have
// left others: blocks that a value was to be written to, or that had held one.

#include "attr/fork_map.h"

#include <set>

namespace xfsx::inline v0 {

/// Offsets of the blocks that are mapped and belong neither to the hash tree nor to a value that
/// counts. Errors: bad_value and loop for a tree that is not one; those of reading.
Result<std::set<u64>> left_over_blocks(Volume& volume, Inode const& inode, ForkMap const& map);

}  // namespace xfsx::inline v0
