#pragma once
// Attributes in the inode, changed: one less in the list, or a list that comes from a leaf.

#include "attr/lookup.h"

#include <optional>
#include <vector>

namespace xfsx::inline v0 {

/// Takes an attribute out of a fork in short form; pure. False if there is none. Errors: bad_value.
Result<bool> remove_from_short_form(Bytes fork, Location const& where, AttributeName const& which);

/// A list of attributes, and where the fork that holds it begins.
struct ShortForm {
  u8 forkoff = 0;  ///< in units of 8 bytes
  std::vector<std::byte> bytes;
};

/// What lies in `leaf` (nothing if it is empty) as a list for this inode; none if that has no room
/// for it, or the list cannot hold it. Pure. Errors: bad_value of the leaf.
Result<std::optional<ShortForm>> short_form_of(InodeView const& inode, ConstBytes leaf,
                                               Location const& where);

/// The list of an inode (nothing where it has no attributes) with an attribute more, which it does
/// not have; none if the inode has no room for it, or the list cannot hold it. Pure. Errors:
/// bad_value of the list.
Result<std::optional<ShortForm>> short_form_with(InodeView const& inode, Location const& where,
                                                 AttributeName const& name, ConstBytes value);

/// Where the attribute fork of an inode that has none would begin, to map blocks; none if its data
/// fork leaves no room. Pure.
std::optional<u8> place_for_mappings(InodeView const& inode);

/// Lays a list out as the attribute fork of a private copy, which maps no block any more.
void set_short_form(Bytes inode, ShortForm const& form);

/// Without attributes an inode has no attribute fork. Linux keeps it beside a btree, whose root is
/// laid out for the room that it has, and where there are parent pointers; so does this.
void let_empty_fork_go(Geometry const& geometry, Bytes inode);

}  // namespace xfsx::inline v0
