#pragma once
// The way down the hash tree of an attribute fork in blocks to one attribute, and what stands on
// it: whoever changes a leaf has to make the nodes above follow.

#include "attr/list.h"

#include <string_view>
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

/// The name of an attribute, without prefix.
struct AttributeName {
  AttributeSpace space = AttributeSpace::user;
  std::string_view name;
};

/// Finds an attribute that the fork is known to hold. Version 5 only; parent pointers are sorted by
/// another hash and not found. Errors: bad_value where the tree does not lead to it, loop, and
/// those of reading, each located, with the inode as owner.
Result<AttributePlace> find_in_tree(Volume& volume, Inode const& inode,
                                    AttributeName const& wanted);

}  // namespace xfsx::inline v0
