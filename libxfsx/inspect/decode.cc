#include "inspect/decode.h"

#include "base/crc32c.h"
#include "base/view.h"

#include <fmt/format.h>

#include <bit>
#include <ctime>

namespace xfsx::inline v0::inspect {

namespace {

using disk::Field;
using disk::Order;
using disk::Show;

/// xfs_db shows zero as a bare 0 in hexadecimal fields too.
std::string hex(u64 n) {
  return n == 0 ? "0" : fmt::format("{:#x}", n);
}

u64 all_ones(u32 bytes) {
  return bytes >= 8 ? ~u64{0} : (u64{1} << (8 * bytes)) - 1;
}

u64 bits_at(ConstBytes bytes, u32 first, u32 width) {
  u64 n = 0;
  for (u32 bit = first; bit < first + width; ++bit) {
    u32 const byte = static_cast<u8>(bytes[bit / 8]);
    n = (n << 1) | ((byte >> (7 - bit % 8)) & 1U);
  }
  return n;
}

Value decode_number(std::string_view name, Show show, u64 n, u32 bytes) {
  if (show == Show::owner) return Value::signed_integer(name, static_cast<s64>(n));
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
  Value v = decode_number(field.name, field.show, number_of(field, structure, index), field.size);
  v.lies_in(structure.subspan(field.offset + std::size_t{field.size} * index, field.size));
  v.place.little = field.order == Order::little;
  return v;
}

/// As xfs_db, the four bytes in the order in which they lie on disk.
Value decode_crc(Field const& field, ConstBytes structure) {
  Value v = Value::integer(field.name, view_as<be32>(structure, field.offset).value());
  spell_hex(v).lies_in(structure.subspan(field.offset, field.size));
  return spell_with(v, crc32c_matches(structure, field.offset) ? "correct" : "bad");
}

}  // namespace

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
    Value v = Value::words(field.name, to_string(view_as<Uuid>(bytes)));
    v.lies_in(bytes).place.form = Place::Form::uuid;
    return v;
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
  for (bool const flags : {false, true}) {
    for (disk::BitField const& field : fields) {
      if (field.show == Show::padding || (field.width == 1) != flags) continue;
      u64 const n = bits_at(record, field.offset, field.width);
      into.add(decode_number(field.name, field.show, n, (field.width + 7U) / 8))
          .lies_in(record, field.offset, field.width);
    }
  }
}

Value decode_bits_of(std::string_view name, ConstBytes bytes, u32 bit, u32 width) {
  u32 const wide = width != 0 ? width : static_cast<u32>(bytes.size()) * 8 - bit;
  Value v = decode_number(name, Show::decimal, bits_at(bytes, bit, wide), (wide + 7) / 8);
  v.lies_in(bytes, bit, wide);
  return v;
}

Value decode_flag(std::string_view name, ConstBytes byte, u8 mask) {
  return decode_bits_of(name, byte.first(1), static_cast<u32>(std::countl_zero(mask)), 1);
}

std::string calendar(s64 seconds) {
  std::time_t const t = seconds;
  std::tm parts{};
  if (gmtime_r(&t, &parts) == nullptr) return std::to_string(seconds);
  std::array<char, 64> buffer{};
  std::size_t const n = std::strftime(buffer.data(), buffer.size(), "%a %b %e %H:%M:%S %Y", &parts);
  return {buffer.data(), n};
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
  v.lies_in(bytes_of(bytes)).place.form = Place::Form::bytes;
  return v;
}

}  // namespace xfsx::inline v0::inspect
