#pragma once
// Whether an inode has an extended attribute of some name.
//
// An attribute fork in blocks is searched block by block, not through its hash tree: the answer
// stands even where the tree above the leaves is damaged, and a fork has few blocks.

#include "inode/inode.h"

#include <string_view>

namespace xfsx::inline v0 {

enum class AttrNamespace : u8 { user, trusted, secure };

/// True if the inode has attribute `name` (without prefix) in `space`. Errors: bad_value and
/// bad_crc of the attribute fork and its blocks, located, with the inode as owner; io.
Result<bool> has_attribute(Volume& volume, Inode const& inode, AttrNamespace space,
                           std::string_view name);

/// The search in one fork in short form; pure. Errors: bad_value.
Result<bool> short_form_has(ConstBytes fork, Location const& where, AttrNamespace space,
                            std::string_view name);

/// The search in one leaf block, whose checksum has been compared; pure. Errors: bad_value.
Result<bool> leaf_has(ConstBytes block, Location const& where, AttrNamespace space,
                      std::string_view name);

}  // namespace xfsx::inline v0
