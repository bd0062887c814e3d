#pragma once
// Primitive spellings that every header of xfsx uses.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#if defined(__GNUC__)
#define XFSX_API __attribute__((visibility("default")))
#else
#define XFSX_API
#endif

namespace xfsx::inline v0 {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

using Bytes = std::span<std::byte>;
using ConstBytes = std::span<std::byte const>;

/// A UUID as the 16 bytes that lie on disk, in their order there.
struct Uuid {
  std::array<u8, 16> b{};
  friend bool operator==(Uuid const&, Uuid const&) = default;
  /// True for sixteen zero bytes.
  [[nodiscard]] constexpr bool is_null() const {
    for (u8 const x : b) {
      if (x != 0) return false;
    }
    return true;
  }
};

/// A moment since 1970-01-01 00:00:00 UTC.
struct Timestamp {
  s64 seconds = 0;
  u32 nanoseconds = 0;
  friend bool operator==(Timestamp const&, Timestamp const&) = default;
};

/// The usual text form, lower case, 36 characters.
XFSX_API std::string to_string(Uuid const& uuid);

}  // namespace xfsx::inline v0
