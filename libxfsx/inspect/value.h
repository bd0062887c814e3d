#pragma once
// A decoded structure as a tree of named values. The same tree is printed as text, in the spelling
// of xfs_db, written as JSON, and searched by a field path such as `u3.bmx[0].startblock`.

#include <xfsx/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xfsx::inline v0::inspect {

/// Where a value lies among the bytes that it was decoded from, so that it can be changed there.
struct Place {
  /// How the bits are to be understood.
  enum class Form : u8 {
    number,  ///< shown as what they are
    part,    ///< computed from a number that is stored as a whole: cannot be changed alone
    uuid,
    bytes,  ///< of a name or a label
  };
  /// The byte with the first bit. An address and no more: only who has the bytes may look.
  std::byte const* byte = nullptr;
  u32 width = 0;        ///< bits; 0 for what does not lie in one place
  u8 bit = 0;           ///< of the byte, the most significant first
  bool little = false;  ///< the last byte is the most significant
  Form form = Form::number;
};

struct Value {
  enum class Kind : u8 {
    group,        ///< named members
    list,         ///< elements, numbered from `first`
    number,       ///< an integer of at most 32 bits
    wide,         ///< an integer that the format declares with more: a decimal string in JSON
    signed_wide,  ///< the same, `number` being two's complement
    boolean,
    text,  ///< bytes of a name or a label
  };
  /// How text output lays a list out.
  enum class Layout : u8 {
    each,    ///< every element on lines of its own
    row,     ///< scalars on one line
    sparse,  ///< as `row`, without those that are null
    table,   ///< groups of scalars, one in a line under a head of names
  };

  std::string name;
  Kind kind = Kind::group;
  Layout layout = Layout::each;
  bool null = false;  ///< the number means "none"
  u32 first = 0;
  u64 number = 0;
  std::string text;      ///< the bytes of Kind::text
  std::string spelling;  ///< what text output shows
  Place place;
  std::vector<Value> items;

  static Value group(std::string_view name);
  static Value list(std::string_view name, Layout layout = Layout::each, u32 first = 0);
  /// Shown in decimal.
  static Value integer(std::string_view name, u64 value);
  static Value wide_integer(std::string_view name, u64 value);
  static Value signed_integer(std::string_view name, s64 value);
  static Value flag(std::string_view name, bool value);
  /// Shown as it is.
  static Value words(std::string_view name, std::string_view text);

  /// Says that it is made of `width` bits from bit `bit` of `bytes` on, all of them without a
  /// width.
  Value& lies_in(ConstBytes bytes, u32 bit = 0, u32 width = 0);

  /// Appends a member or an element and returns it.
  Value& add(Value item);
  /// The member or element called `name`, or null.
  [[nodiscard]] Value const* member(std::string_view member_name) const;
};

/// A value and the path by which it was found.
struct Found {
  Value const* value = nullptr;
  std::string path;
};

/// Follows a field path: names separated by dots, elements in brackets. Nothing if there is no such
/// field here.
std::optional<Found> find(Value const& root, std::string_view path);

/// Takes the places of `value` and what is below it away: its bytes are about to go.
void forget_places(Value& value);

/// `value` as lines `path = value`, every path starting with `prefix`.
std::string to_text(Value const& value, std::string_view prefix = {});

}  // namespace xfsx::inline v0::inspect
