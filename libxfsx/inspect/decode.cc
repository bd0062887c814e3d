#include "inspect/decode.h"

#include "base/crc32c.h"
#include "base/view.h"

#include <fmt/format.h>

namespace xfsx::inline v0::inspect {

namespace {

using disk::Field;
using disk::Order;
using disk::Show;

/// xfs_db shows zero as a bare 0 in hexadecimal fields too.
std::string hex(u64 n) {
  return n == 0 ? "0" : fmt::format("{:#x}", n);
}

bool has_null(Show show) {
  switch (show) {
    case Show::agnumber:
    case Show::agblock:
    case Show::fsblock:
    case Show::daddr:
    case Show::inode:
    case Show::agino:
      return true;
    default:
      return false;
  }
}

u64 all_ones(u32 bytes) {
  return bytes >= 8 ? ~u64{0} : (u64{1} << (8 * bytes)) - 1;
}

Value decode_number(std::string_view name, Show show, u64 n, u32 bytes) {
  Value v = bytes > 4 ? Value::wide_integer(name, n) : Value::integer(name, n);
  if (has_null(show) && n == all_ones(bytes)) {
    v.null = true;
    v.spelling = "null";
  } else if (show == Show::hex || show == Show::lsn) {
    v.spelling = hex(n);
  }
  return v;
}

Value decode_element(Field const& field, ConstBytes structure, u32 index) {
  return decode_number(field.name, field.show, number_of(field, structure, index), field.size);
}

/// As xfs_db, the four bytes in the order in which they lie on disk.
Value decode_crc(Field const& field, ConstBytes structure) {
  Value v = Value::integer(field.name, view_as<be32>(structure, field.offset).value());
  spell_hex(v);
  return spell_with(v, crc32c_matches(structure, field.offset) ? "correct" : "bad");
}

}  // namespace

u64 number_of(Field const& field, ConstBytes structure, u32 index) {
  ConstBytes const bytes =
      structure.subspan(field.offset + std::size_t{field.size} * index, field.size);
  u64 n = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::size_t const at = field.order == Order::little ? bytes.size() - 1 - i : i;
    n = (n << 8) | static_cast<u8>(bytes[at]);
  }
  return n;
}

Value decode_field(Field const& field, ConstBytes structure) {
  ConstBytes const bytes = structure.subspan(field.offset, std::size_t{field.size} * field.count);
  if (field.show == Show::uuid) {
    return Value::words(field.name, to_string(view_as<Uuid>(bytes)));
  }
  if (field.show == Show::text) return quoted_text(field.name, text_of(bytes));
  if (field.show == Show::crc) return decode_crc(field, structure);
  if (field.count == 1) return decode_element(field, structure, 0);
  Value list =
      Value::list(field.name, has_null(field.show) ? Value::Layout::sparse : Value::Layout::row);
  list.items.reserve(field.count);
  for (u32 i = 0; i < field.count; ++i) list.add(decode_element(field, structure, i));
  return list;
}

void decode_fields(Value& into, std::span<Field const> fields, ConstBytes structure) {
  for (Field const& field : fields) {
    if (field.show != Show::padding) into.add(decode_field(field, structure));
  }
}

void decode_bits(Value& into, std::span<disk::BitField const> fields, ConstBytes record) {
  for (disk::BitField const& field : fields) {
    u64 n = 0;
    for (u32 bit = field.offset; bit < u32{field.offset} + field.width; ++bit) {
      u32 const byte = static_cast<u8>(record[bit / 8]);
      n = (n << 1) | ((byte >> (7 - bit % 8)) & 1U);
    }
    into.add(decode_number(field.name, field.show, n, (field.width + 7U) / 8));
  }
}

Value& spell_octal(Value& value) {
  value.spelling = fmt::format("{:#o}", value.number);
  return value;
}

Value& spell_hex(Value& value) {
  value.spelling = hex(value.number);
  return value;
}

Value& spell_with(Value& value, std::string_view word) {
  value.spelling += fmt::format(" ({})", word);
  return value;
}

std::string quoted(std::string_view bytes) {
  std::string out = "\"";
  for (char const c : bytes) {
    auto const byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\{:03o}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

Value quoted_text(std::string_view name, std::string_view bytes) {
  Value v = Value::words(name, bytes);
  v.spelling = quoted(bytes);
  return v;
}

}  // namespace xfsx::inline v0::inspect
