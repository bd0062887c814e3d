#pragma once
// Field tables read as values, in the spelling of xfs_db.

#include "disk/field.h"
#include "format/geometry.h"
#include "inspect/value.h"

#include <span>

namespace xfsx::inline v0::inspect {

/// Whether all ones in a field that is shown so mean that there is nothing.
bool has_null(disk::Show show);

/// The number in a field of at most 8 bytes, element `index` of it.
u64 number_of(disk::Field const& field, ConstBytes structure, u32 index = 0);

/// The value of one field. `structure` starts at the structure's first byte and covers all that its
/// checksum covers; a scalar becomes a leaf, several elements a list.
Value decode_field(disk::Field const& field, ConstBytes structure);

/// Appends all fields but padding to `into`. The caller has made sure that the structure fits.
void decode_fields(Value& into, std::span<disk::Field const> fields, ConstBytes structure);

/// Appends the fields of a bit-packed record. Flags of one bit come last: they stand in the top
/// bits of a word, and are the last that people read.
void decode_bits(Value& into, std::span<disk::BitField const> fields, ConstBytes record);

/// Appends the fields of a record of which `T` is the table, by its bits where it is packed.
template <class T>
void decode_record(Value& into, ConstBytes record) {
  if constexpr (requires { disk::Layout<T>::bits; }) {
    decode_bits(into, disk::Layout<T>::bits, record);
  } else {
    decode_fields(into, disk::Layout<T>::fields, record);
  }
}

/// A table of `count` records called `name`; they fit.
template <class T>
Value decode_records(std::string_view name, ConstBytes bytes, u32 count, u32 first = 1) {
  Value list = Value::list(name, Value::Layout::table, first);
  list.items.reserve(count);
  for (u32 i = 0; i < count; ++i) {
    decode_record<T>(list.add(Value::group({})), bytes.subspan(i * sizeof(T), sizeof(T)));
  }
  return list;
}

/// The number in `width` bits, at most 64, from bit `bit` of `bytes` on, the most significant
/// first; in all of them without a width. It knows where it lies.
Value decode_bits_of(std::string_view name, ConstBytes bytes, u32 bit = 0, u32 width = 0);

/// One bit of a byte.
Value decode_flag(std::string_view name, ConstBytes byte, u8 mask);

/// Seconds as ctime writes them, always in UTC.
std::string calendar(s64 seconds);

/// Shows `value` in another base than its table says, or with a word.
Value& spell_octal(Value& value);
Value& spell_hex(Value& value);
Value& spell_with(Value& value, std::string_view word);

/// Bytes of a name or label in quotes, what is not printable ASCII in octal.
std::string quoted(std::string_view bytes);

/// A text value shown in quotes.
Value quoted_text(std::string_view name, std::string_view bytes);

}  // namespace xfsx::inline v0::inspect
