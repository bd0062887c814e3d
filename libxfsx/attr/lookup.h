#pragma once
// The way down the hash tree of an attribute fork in blocks to one attribute, and what stands on
// it: whoever changes a leaf has to make the nodes above follow.

#include "attr/leaf_entries.h"

#include <optional>
#include <vector>

namespace xfsx::inline v0 {

/// A node of the hash tree, and which of its entries leads on.
struct NodeStep {
  BufferRef node;
  u32 entry = 0;
};

struct AttributePlace {
  std::vector<NodeStep> nodes;  ///< from the root down; none where one leaf is the whole tree
  BufferRef leaf;
  u32 entry = 0;  ///< in the leaf
  /// Where the value lies in blocks of its own: the first, counted in the fork, and bytes.
  bool remote = false;
  u32 value_block = 0, value_size = 0;
};

/// Finds an attribute by its hash, and looks at nothing else; none if there is none of that name.
/// Version 5 only. Errors: bad_value, loop, and those of reading, each located, with the inode as
/// owner.
Result<std::optional<AttributePlace>> look_up_in_tree(Volume& volume, Inode const& inode,
                                                      AttributeName const& wanted);

/// The same for one that the fork is known to hold. Errors also: bad_value where the tree does not
/// lead to it.
Result<AttributePlace> find_in_tree(Volume& volume, Inode const& inode,
                                    AttributeName const& wanted);

}  // namespace xfsx::inline v0
