#pragma once
// All extended attributes of an inode.
//
// An attribute fork in blocks is read block by block, not through its hash tree: the answer stands
// even where the tree above the leaves is damaged, and a fork has few blocks. In version 4, where a
// value may look like a leaf, the leaves are followed from the first to the last.

#include <xfsx/attribute.h>

#include "inode/inode.h"

#include <functional>
#include <string_view>

namespace xfsx::inline v0 {

/// An attribute as it lies in its fork.
struct StoredAttribute {
  AttributeSpace space = AttributeSpace::user;
  std::string_view name;    ///< raw bytes, without prefix
  ConstBytes value;         ///< unless it lies in blocks of its own
  bool remote = false;      ///< it does
  u32 value_block = 0;      ///< first of these, counted in the attribute fork
  u32 value_size = 0;       ///< bytes
  bool incomplete = false;  ///< an operation was interrupted: the attribute does not count
};

/// What it names is valid during the call only. False ends the walk; so does an error.
using AttributeVisitor = std::function<Result<bool>(StoredAttribute const&)>;

/// Hands the attributes of an inode to `visit`, in the order of the fork. Errors: bad_value and
/// bad_crc of the attribute fork and its blocks, located, with the inode as owner; io.
Result<void> for_each_attribute(Volume& volume, Inode const& inode, AttributeVisitor const& visit);

/// Those of one fork in short form; pure. False if `visit` ended the walk. Errors: bad_value.
Result<bool> visit_short_form(ConstBytes fork, Location const& where,
                              AttributeVisitor const& visit);

/// Bytes that name and value of an attribute take in a leaf block.
u32 bytes_in_leaf(StoredAttribute const& attribute);

/// Those of one leaf block, whose checksum has been compared; pure. False if `visit` ended the
/// walk. Errors: bad_value.
Result<bool> visit_attr_leaf(FormatVersion const& version, ConstBytes block, Location const& where,
                             AttributeVisitor const& visit);

using ValueVisitor =
    std::function<Result<bool>(StoredAttribute const&, std::vector<std::byte> value)>;

/// The same with their values, those from blocks of their own too. Attributes whose writing was
/// interrupted are left out. Together the values are no larger than the fork.
Result<void> for_each_value(Volume& volume, Inode const& inode, ValueVisitor const& visit);

}  // namespace xfsx::inline v0
