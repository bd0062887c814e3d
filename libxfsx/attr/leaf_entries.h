#pragma once
// The entries of an attribute leaf of version 5, lifted out of their block, to be put into the same
// or another one. Names and values lie packed at the end of a block, so what is free is one run.

#include "attr/list.h"

#include <span>
#include <vector>

namespace xfsx::inline v0 {

/// The name of an attribute, without prefix, and what tells it apart from others of that name.
struct AttributeName {
  AttributeSpace space = AttributeSpace::user;
  std::string_view name;
  ConstBytes parent{};      ///< the value of a parent pointer
  bool incomplete = false;  ///< one whose writing was interrupted
};

/// Whether a stored attribute goes by that name.
bool is_named(StoredAttribute const& attribute, AttributeName const& name);

/// What a fork in blocks is sorted by. Parent pointers are told apart by their parents too, which
/// many names have in common.
u32 attribute_hash(AttributeName const& name);

/// The bits of a namespace in an entry's flags.
u8 flags_of(AttributeSpace space);

struct LeafEntry {
  u32 hash = 0;
  u8 flags = 0;
  std::vector<std::byte> bytes;  ///< name and value as a leaf has them, up to a multiple of 4
};

/// Where a value lies that has blocks of its own.
struct ValuePlace {
  u32 block = 0;  ///< the first, counted in the fork
  u32 size = 0;   ///< bytes
};

LeafEntry local_entry(AttributeName const& name, ConstBytes value);
LeafEntry remote_entry(AttributeName const& name, ValuePlace const& value);

/// Whether a leaf of `block_size` bytes would hold a value of `value_size` bytes beside its name.
bool is_kept_in_leaf(AttributeName const& name, std::size_t value_size, u32 block_size);

/// Bytes that an entry takes of a leaf, and those that a leaf of `block_size` bytes has.
std::size_t bytes_taken(LeafEntry const& entry);
std::size_t leaf_room(u32 block_size);

/// The entries of a leaf, in order. Errors: those of visit_attr_leaf.
Result<std::vector<LeafEntry>> entries_of_leaf(ConstBytes leaf, Location const& where);

/// The attributes of a list (short form) as entries, in order. Errors: those of visit_short_form.
Result<std::vector<LeafEntry>> entries_of_list(ConstBytes list, Location const& where);

/// Makes a leaf, whose header says whose it is, hold these entries, which fit.
void lay_out_entries(std::span<LeafEntry const> entries, Bytes leaf);

}  // namespace xfsx::inline v0
