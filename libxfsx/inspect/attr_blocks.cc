// Blocks of attributes: leaves with names and values, and the blocks of large values.

#include "base/view.h"
#include "disk/attr.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

using disk::AttrLeafEntry;
using disk::AttrLeafHeader;
using disk::AttrLeafHeaderV4;
using disk::AttrLocalName;
using disk::AttrRemoteHeader;
using disk::AttrRemoteName;

/// Free runs: where they begin and how long they are, 16 bits each.
Value decode_free_map(std::span<be32 const> runs) {
  Value list = Value::list("freemap", Value::Layout::table);
  for (be32 const& run : runs) {
    Value& row = list.add(Value::group({}));
    row.add(decode_bits_of("base", bytes_of(run), 0, 16));
    row.add(decode_bits_of("size", bytes_of(run), 16, 16));
  }
  return list;
}

/// What follows the block info, by the table of the version.
template <class Header>
Value decode_leaf_header(ConstBytes block, FormatVersion const& version) {
  Value header = Value::group("hdr");
  header.add(decode_da_info(block, version));
  for (disk::Field const& field : disk::Layout<Header>::fields) {
    if (field.offset < version.attr_count || field.show == disk::Show::padding) continue;
    if (field.offset == offsetof(Header, freemap)) {
      header.add(decode_free_map(view_as<Header>(block).freemap));
    } else {
      header.add(decode_field(field, block));
    }
  }
  return header;
}

void decode_leaf_entry(Value& row, AttrLeafEntry const& entry) {
  Value hash = decode_bits_of("hashval", bytes_of(entry.hashval));
  row.add(std::move(spell_hex(hash)));
  row.add(decode_bits_of("nameidx", bytes_of(entry.nameidx)));
  auto const flag = [&](std::string_view name, u8 mask) {
    row.add(decode_flag(name, bytes_of(entry.flags), mask));
  };
  flag("incomplete", disk::attr_flag::incomplete);
  flag("root", disk::attr_flag::root);
  flag("secure", disk::attr_flag::secure);
  flag("local", disk::attr_flag::local);
  flag("parent", disk::attr_flag::parent);
}

/// Name and value that lie in the block, as far as they fit.
void decode_local(Value& into, u8 flags, ConstBytes bytes) {
  if (!fits<AttrLocalName>(bytes)) return;
  AttrLocalName const& head = view_as<AttrLocalName>(bytes);
  decode_fields(into, disk::Layout<AttrLocalName>::fields, bytes);
  std::size_t const size = std::size_t{head.namelen} + head.valuelen.value();
  ConstBytes const rest = bytes.subspan(sizeof(head));
  if (size > rest.size()) return;
  into.add(quoted_text("name", text_of(rest.first(head.namelen))));
  into.add(decode_attribute(flags, rest.subspan(head.namelen, head.valuelen.value())));
}

/// A name whose value lies elsewhere.
void decode_remote(Value& into, ConstBytes bytes) {
  if (!fits<AttrRemoteName>(bytes)) return;
  AttrRemoteName const& head = view_as<AttrRemoteName>(bytes);
  decode_fields(into, disk::Layout<AttrRemoteName>::fields, bytes);
  ConstBytes const rest = bytes.subspan(sizeof(head));
  if (head.namelen > rest.size()) return;
  into.add(quoted_text("name", text_of(rest.first(head.namelen))));
}

}  // namespace

Value decode_attr_leaf(ConstBytes block, Geometry const& geometry) {
  FormatVersion const& version = geometry.version();
  Value fields = Value::group({});
  fields.add(version.self_describing ? decode_leaf_header<AttrLeafHeader>(block, version)
                                     : decode_leaf_header<AttrLeafHeaderV4>(block, version));
  std::size_t const room = (block.size() - version.attr_leaf) / sizeof(AttrLeafEntry);
  std::size_t const count =
      std::min<std::size_t>(view_as<be16>(block, version.attr_count).value(), room);
  Value entries = Value::list("entries", Value::Layout::table);
  Value names = Value::list("nvlist");
  // Every name that the entries lead to may be the same long one: together they are no more than
  // the block.
  std::size_t left = block.size();
  for (AttrLeafEntry const& entry : view_array<AttrLeafEntry>(block, version.attr_leaf, count)) {
    decode_leaf_entry(entries.add(Value::group({})), entry);
    std::size_t const at = std::min<std::size_t>(entry.nameidx.value(), block.size());
    ConstBytes const bytes = block.subspan(at, std::min(left, block.size() - at));
    Value name = Value::group({});
    bool const local = (entry.flags & disk::attr_flag::local) != 0;
    if (local) {
      decode_local(name, entry.flags, bytes);
    } else {
      decode_remote(name, bytes);
    }
    for (Value const& item : name.items) left -= std::min(left, item.text.size());
    names.add(std::move(name));
  }
  fields.add(std::move(entries));
  fields.add(std::move(names));
  return fields;
}

Value decode_attr_value(ConstBytes block, Geometry const&) {
  Value fields = Value::group({});
  decode_fields(fields.add(Value::group("hdr")), disk::Layout<AttrRemoteHeader>::fields, block);
  ConstBytes const body = block.subspan(sizeof(AttrRemoteHeader));
  std::size_t const size =
      std::min<std::size_t>(view_as<AttrRemoteHeader>(block).bytes.value(), body.size());
  fields.add(quoted_text("data", text_of(body.first(size))));
  return fields;
}

}  // namespace xfsx::inline v0::inspect
