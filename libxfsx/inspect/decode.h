#pragma once
// Field tables read as values, in the spelling of xfs_db.

#include "disk/field.h"
#include "format/geometry.h"
#include "inspect/value.h"

#include <span>

namespace xfsx::inline v0::inspect {

/// The number in a field of at most 8 bytes, element `index` of it.
u64 number_of(disk::Field const& field, ConstBytes structure, u32 index = 0);

/// The value of one field. `structure` starts at the structure's first byte and covers all that its
/// checksum covers; a scalar becomes a leaf, several elements a list.
Value decode_field(disk::Field const& field, ConstBytes structure);

/// Appends all fields but padding to `into`. The caller has made sure that the structure fits.
void decode_fields(Value& into, std::span<disk::Field const> fields, ConstBytes structure);

/// Appends the fields of a bit-packed record.
void decode_bits(Value& into, std::span<disk::BitField const> fields, ConstBytes record);

/// Shows `value` in another base than its table says, or with a word.
Value& spell_octal(Value& value);
Value& spell_hex(Value& value);
Value& spell_with(Value& value, std::string_view word);

/// Bytes of a name or label in quotes, what is not printable ASCII in octal.
std::string quoted(std::string_view bytes);

/// A text value shown in quotes.
Value quoted_text(std::string_view name, std::string_view bytes);

}  // namespace xfsx::inline v0::inspect
