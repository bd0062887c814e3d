#include "attr/leaf_entries.h"

#include "base/checked.h"
#include "base/view.h"
#include "dir/name_hash.h"
#include "disk/attr.h"

#include <algorithm>
#include <tuple>

namespace xfsx::inline v0 {

namespace {

using disk::AttrLeafEntry;
using disk::AttrLeafHeader;

/// One part behind the other, and zeros up to `size`.
std::vector<std::byte> joined(std::size_t size, std::initializer_list<ConstBytes> parts) {
  std::vector<std::byte> bytes(size);
  auto at = bytes.begin();
  for (ConstBytes const part : parts) at = std::ranges::copy(part, at).out;
  return bytes;
}

AttributeName name_of(StoredAttribute const& a) {
  return {a.space, a.name, a.space == AttributeSpace::parent ? a.value : ConstBytes{}, false};
}

}  // namespace

bool is_named(StoredAttribute const& attribute, AttributeName const& name) {
  bool const parent = name.space == AttributeSpace::parent;
  return attribute.space == name.space && attribute.name == name.name &&
         attribute.incomplete == name.incomplete &&
         (!parent || std::ranges::equal(attribute.value, name.parent));
}

u32 attribute_hash(AttributeName const& name) {
  u32 const hash = name_hash(name.name);
  if (name.space != AttributeSpace::parent || name.parent.size() < sizeof(u64)) return hash;
  u64 const parent = view_as<be64>(name.parent).value();
  return hash ^ static_cast<u32>(parent >> 32) ^ static_cast<u32>(parent);
}

u8 flags_of(AttributeSpace space) {
  switch (space) {
    case AttributeSpace::user:
      return 0;
    case AttributeSpace::trusted:
      return disk::attr_flag::root;
    case AttributeSpace::security:
      return disk::attr_flag::secure;
    case AttributeSpace::parent:
      break;
  }
  return disk::attr_flag::parent;
}

LeafEntry local_entry(AttributeName const& name, ConstBytes value) {
  LeafEntry entry;
  entry.hash = attribute_hash(name);
  entry.flags = static_cast<u8>(flags_of(name.space) | disk::attr_flag::local);
  disk::AttrLocalName head;
  head.valuelen = static_cast<u16>(value.size());
  head.namelen = static_cast<u8>(name.name.size());
  std::size_t const size = sizeof head + name.name.size() + value.size();
  entry.bytes =
      joined(round_up(size, std::size_t{4}), {bytes_of(head), bytes_of(name.name), value});
  return entry;
}

LeafEntry remote_entry(AttributeName const& name, ValuePlace const& value) {
  LeafEntry entry;
  entry.hash = attribute_hash(name);
  entry.flags = flags_of(name.space);
  disk::AttrRemoteName head;
  head.valueblk = value.block;
  head.valuelen = value.size;
  head.namelen = static_cast<u8>(name.name.size());
  StoredAttribute stored;
  stored.name = name.name;
  stored.remote = true;
  entry.bytes = joined(bytes_in_leaf(stored), {bytes_of(head), bytes_of(name.name)});
  return entry;
}

bool is_kept_in_leaf(AttributeName const& name, std::size_t value_size, u32 block_size) {
  std::size_t const size = sizeof(disk::AttrLocalName) + name.name.size() + value_size;
  return round_up(size, std::size_t{4}) < block_size / 4 * 3;
}

std::size_t bytes_taken(LeafEntry const& entry) {
  return sizeof(AttrLeafEntry) + entry.bytes.size();
}

std::size_t leaf_room(u32 block_size) {
  return block_size - sizeof(AttrLeafHeader);
}

Result<std::vector<LeafEntry>> entries_of_leaf(ConstBytes leaf, Location const& where) {
  std::vector<u32> sizes;
  XFSX_TRYV(visit_attr_leaf(format_v5, leaf, where, [&](StoredAttribute const& a) -> Result<bool> {
    sizes.push_back(bytes_in_leaf(a));
    return true;
  }));
  std::vector<LeafEntry> entries;
  entries.reserve(sizes.size());
  for (AttrLeafEntry const& e :
       view_array<AttrLeafEntry>(leaf, sizeof(AttrLeafHeader), sizes.size())) {
    std::size_t const from = e.nameidx.value();
    std::size_t const size = sizes[entries.size()];
    // Bytes that only fill up to the next multiple of 4 count too.
    if (from + size > leaf.size()) {
      Error error = located(Errc::bad_value, "attr leaf", where);
      error.field = "nameidx";
      error.found.number = from;
      error.expected.number = leaf.size() - size;
      error.relation = Relation::at_most;
      return error;
    }
    ConstBytes const bytes = leaf.subspan(from, size);
    entries.push_back({e.hashval.value(), e.flags, {bytes.begin(), bytes.end()}});
  }
  return entries;
}

Result<std::vector<LeafEntry>> entries_of_list(ConstBytes list, Location const& where) {
  std::vector<LeafEntry> entries;
  XFSX_TRYV(visit_short_form(list, where, [&](StoredAttribute const& a) -> Result<bool> {
    entries.push_back(local_entry(name_of(a), a.value));
    if (a.incomplete) entries.back().flags |= disk::attr_flag::incomplete;
    return true;
  }));
  std::ranges::sort(entries, [](LeafEntry const& a, LeafEntry const& b) {
    return std::tie(a.hash, a.bytes) < std::tie(b.hash, b.bytes);
  });
  return entries;
}

void lay_out_entries(std::span<LeafEntry const> entries, Bytes leaf) {
  std::ranges::fill(leaf.subspan(sizeof(AttrLeafHeader)), std::byte{0});
  std::size_t at = leaf.size();
  std::size_t table = sizeof(AttrLeafHeader);
  for (LeafEntry const& e : entries) {
    at -= e.bytes.size();
    std::ranges::copy(e.bytes, leaf.subspan(at).begin());
    AttrLeafEntry& entry = edit_as<AttrLeafEntry>(leaf, table);
    entry = {};
    entry.hashval = e.hash;
    entry.nameidx = static_cast<u16>(at);
    entry.flags = e.flags;
    table += sizeof(AttrLeafEntry);
  }
  AttrLeafHeader& header = edit_as<AttrLeafHeader>(leaf);
  header.count = static_cast<u16>(entries.size());
  header.usedbytes = static_cast<u16>(leaf.size() - at);
  header.firstused = static_cast<u16>(at);
  header.holes = 0;
  header.freemap[0] = static_cast<u32>(table << 16 | (at - table));
  header.freemap[1] = header.freemap[2] = 0U;
}

}  // namespace xfsx::inline v0
