// What lies in an inode itself: short directories, short attributes, link targets. Entries follow
// one another, each as long as it says; decoding ends with the first that does not fit.

#include "base/view.h"
#include "disk/attr.h"
#include "disk/dir.h"
#include "disk/parent.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

namespace xfsx::inline v0::inspect {

namespace {

/// An inode number of 4 or 8 bytes, under the name of its width.
Value decode_number_of_width(std::string_view name, ConstBytes bytes, bool wide) {
  disk::Field const field{wide ? std::string_view("i8") : std::string_view("i4"),
                          0,
                          static_cast<u16>(wide ? 8 : 4),
                          1,
                          disk::Order::big,
                          disk::Show::inode,
                          {}};
  Value group = Value::group(name);
  group.add(decode_field(field, bytes));
  return group;
}

/// One entry of a short directory; its length, or 0 if it does not fit.
std::size_t decode_short_entry(Value& into, ConstBytes bytes, bool wide, bool types) {
  if (!fits<disk::DirShortEntry>(bytes)) return 0;
  std::size_t const name = view_as<disk::DirShortEntry>(bytes).namelen;
  std::size_t const type_at = sizeof(disk::DirShortEntry) + name;
  std::size_t const inode_at = type_at + (types ? 1 : 0);
  std::size_t const size = inode_at + (wide ? 8 : 4);
  if (size > bytes.size()) return 0;
  decode_fields(into, disk::Layout<disk::DirShortEntry>::fields, bytes);
  into.add(quoted_text("name", text_of(bytes.subspan(sizeof(disk::DirShortEntry), name))));
  into.add(decode_number_of_width("inumber", bytes.subspan(inode_at), wide));
  if (types) into.add(decode_bits_of("filetype", bytes.subspan(type_at, 1)));
  return size;
}

/// One attribute of the short form; its length, or 0 if it does not fit.
std::size_t decode_short_attr(Value& into, ConstBytes bytes) {
  if (!fits<disk::AttrShortEntry>(bytes)) return 0;
  disk::AttrShortEntry const& entry = view_as<disk::AttrShortEntry>(bytes);
  std::size_t const value_at = sizeof(entry) + entry.namelen;
  std::size_t const size = value_at + entry.valuelen;
  if (size > bytes.size()) return 0;
  into.add(decode_bits_of("namelen", bytes_of(entry.namelen)));
  into.add(decode_bits_of("valuelen", bytes_of(entry.valuelen)));
  into.add(decode_flag("root", bytes_of(entry.flags), disk::attr_flag::root));
  into.add(decode_flag("secure", bytes_of(entry.flags), disk::attr_flag::secure));
  into.add(decode_flag("parent", bytes_of(entry.flags), disk::attr_flag::parent));
  into.add(quoted_text("name", text_of(bytes.subspan(sizeof(entry), entry.namelen))));
  if (entry.valuelen != 0) {
    into.add(decode_attribute(entry.flags, bytes.subspan(value_at, entry.valuelen)));
  }
  return size;
}

}  // namespace

Value decode_short_directory(ConstBytes fork, Geometry const& geometry) {
  // The name is that of the entries' form, with or without file types.
  Value dir = Value::group(geometry.has_file_types() ? "sfdir3" : "sfdir2");
  if (!fits<disk::DirShortHeader>(fork)) return dir;
  disk::DirShortHeader const& header = view_as<disk::DirShortHeader>(fork);
  bool const wide = header.i8count != 0;
  std::size_t at = sizeof(header) + (wide ? 8 : 4);
  if (at > fork.size()) return dir;
  Value head = Value::group("hdr");
  decode_fields(head, disk::Layout<disk::DirShortHeader>::fields, fork);
  head.add(decode_number_of_width("parent", fork.subspan(sizeof(header)), wide));
  dir.add(std::move(head));
  Value list = Value::list("list");
  for (u32 i = 0; i < header.count; ++i) {
    Value entry = Value::group({});
    std::size_t const size =
        decode_short_entry(entry, fork.subspan(at), wide, geometry.has_file_types());
    if (size == 0) break;
    at += size;
    list.add(std::move(entry));
  }
  dir.add(std::move(list));
  return dir;
}

Value decode_attribute(u8 flags, ConstBytes value) {
  bool const parent = (flags & disk::attr_flag::parent) != 0;
  if (!parent || value.size() != sizeof(disk::ParentRecord)) {
    return quoted_text("value", text_of(value));
  }
  Value directory = Value::group("parent_dir");
  decode_fields(directory, disk::Layout<disk::ParentRecord>::fields, value);
  return directory;
}

Value decode_short_attributes(ConstBytes fork) {
  Value attributes = Value::group("sfattr");
  if (!fits<disk::AttrShortHeader>(fork)) return attributes;
  disk::AttrShortHeader const& header = view_as<disk::AttrShortHeader>(fork);
  decode_fields(attributes.add(Value::group("hdr")), disk::Layout<disk::AttrShortHeader>::fields,
                fork);
  Value list = Value::list("list");
  std::size_t at = sizeof(header);
  for (u32 i = 0; i < header.count; ++i) {
    Value entry = Value::group({});
    std::size_t const size = decode_short_attr(entry, fork.subspan(at));
    if (size == 0) break;
    at += size;
    list.add(std::move(entry));
  }
  attributes.add(std::move(list));
  return attributes;
}

}  // namespace xfsx::inline v0::inspect
