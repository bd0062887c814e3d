#pragma once
// One declaration, five consumers. An on-disk structure is a plain struct of endian members with a
// table of fields beside it. At compile time each published offset is compared with the compiler's,
// and the table is proved to tile the struct without gap or overlap. Error messages, inspect and
// JSON, field writes, the fuzzer and the format documents all read the same table.

#include "base/endian.h"

#include <array>
#include <string_view>
#include <type_traits>

namespace xfsx::inline v0::disk {

/// How a field is shown.
enum class Show : u8 {
  hex,
  decimal,
  text,  ///< characters, zero padded
  uuid,
  crc,  ///< the structure's CRC32c; at most one a structure
  lsn,
  agnumber,
  agblock,
  fsblock,
  daddr,
  inode,
  agino,
  fileblock,
  owner,      ///< an inode, or a negative number for what belongs to the filesystem itself
  timestamp,  ///< an inode time; its form depends on the BIGTIME flag of the inode
  padding,    ///< must be zero or is ignored
};

/// Byte order of a field's elements.
enum class Order : u8 { bytes, big, little };

struct Field {
  std::string_view name;
  u16 offset;  ///< bytes from the start of the structure
  u16 size;    ///< bytes of one element
  u16 count;   ///< elements; 1 for a scalar
  Order order;
  Show show;
  std::string_view doc;
};

/// Fields of a bit-packed record: offset and width in bits, most significant bit of the first byte
/// first.
struct BitField {
  std::string_view name;
  u16 offset;
  u16 width;
  Show show;
  std::string_view doc;
};

/// Specialised beside each structure: `name`, `doc`, `fields`, and `bits` where it is bit-packed.
template <class T>
struct Layout;

template <class Member>
struct ElementOf {
  using type = Member;
  static constexpr u16 count = 1;
};
template <class E, std::size_t N>
struct ElementOf<std::array<E, N>> {
  using type = E;
  static constexpr u16 count = N;
};

template <class E>
consteval Order order_of() {
  if constexpr (requires { E::is_big; }) {
    return E::is_big ? Order::big : Order::little;
  } else {
    return Order::bytes;
  }
}

/// A failed comparison is a compile error at the line of the table.
template <class Member>
consteval Field make_field(std::string_view name, std::size_t published, std::size_t actual,
                           Show show, std::string_view doc) {
  if (published != actual) throw "the field is not at its published offset";
  using Element = typename ElementOf<Member>::type;
  return {name,
          static_cast<u16>(actual),
          static_cast<u16>(sizeof(Element)),
          ElementOf<Member>::count,
          order_of<Element>(),
          show,
          doc};
}

/// True if the fields tile T without gap or overlap and T is exactly its bytes.
template <class T, std::size_t N>
consteval bool covers(Field const (&fields)[N]) {
  std::size_t end = 0;
  for (Field const& f : fields) {
    if (f.offset != end) return false;
    end += std::size_t{f.size} * f.count;
  }
  return end == sizeof(T) && alignof(T) == 1 && std::is_trivially_copyable_v<T>;
}

/// The same for the bits of a packed record of `bytes` bytes.
template <std::size_t N>
consteval bool covers_bits(BitField const (&fields)[N], std::size_t bytes) {
  std::size_t end = 0;
  for (BitField const& f : fields) {
    if (f.offset != end) return false;
    end += f.width;
  }
  return end == bytes * 8;
}

}  // namespace xfsx::inline v0::disk

#define XFSX_FIELD(T, offset, member, show, doc)                                      \
  ::xfsx::disk::make_field<decltype(T::member)>(#member, offset, offsetof(T, member), \
                                                ::xfsx::disk::Show::show, doc)

/// Ties a struct to its table and proves the table, at namespace xfsx::disk.
#define XFSX_LAYOUT(T, published_name, table, text)          \
  static_assert(covers<T>(table));                           \
  template <>                                                \
  struct Layout<T> {                                         \
    static constexpr std::string_view name = published_name; \
    static constexpr std::string_view doc = text;            \
    static constexpr std::span<Field const> fields = table;  \
  }

/// The same for a bit-packed record, whose table of bits says what its integers are made of.
#define XFSX_LAYOUT_PACKED(T, published_name, table, bit_table, text) \
  static_assert(covers<T>(table));                                    \
  static_assert(covers_bits(bit_table, sizeof(T)));                   \
  template <>                                                         \
  struct Layout<T> {                                                  \
    static constexpr std::string_view name = published_name;          \
    static constexpr std::string_view doc = text;                     \
    static constexpr std::span<Field const> fields = table;           \
    static constexpr std::span<BitField const> bits = bit_table;      \
  }
