#pragma once
// The one place where bytes become structures. Every on-disk struct has alignment 1 and is
// trivially copyable, so looking at it in place is defined on the compilers that we build with; the
// size is checked before the cast.

#include <xfsx/types.h>

#include "base/assert.h"

#include <string_view>
#include <type_traits>

namespace xfsx::inline v0 {

template <class T>
concept DiskLayout = std::is_trivially_copyable_v<T> && alignof(T) == 1 && !std::is_array_v<T>;

/// True if a T fits at `offset` of `bytes`.
template <DiskLayout T>
constexpr bool fits(ConstBytes bytes, std::size_t offset = 0, std::size_t count = 1) {
  return offset <= bytes.size() && count <= (bytes.size() - offset) / sizeof(T);
}

/// A T at `offset` of `bytes`; the caller has made sure that it fits.
template <DiskLayout T>
T const& view_as(ConstBytes bytes, std::size_t offset = 0) {
  XFSX_ASSERT(fits<T>(bytes, offset));
  return *reinterpret_cast<T const*>(bytes.data() + offset);
}

template <DiskLayout T>
T& edit_as(Bytes bytes, std::size_t offset = 0) {
  XFSX_ASSERT(fits<T>(bytes, offset));
  return *reinterpret_cast<T*>(bytes.data() + offset);
}

/// `count` of T at `offset` of `bytes`; the caller has made sure that they fit.
template <DiskLayout T>
std::span<T const> view_array(ConstBytes bytes, std::size_t offset, std::size_t count) {
  XFSX_ASSERT(fits<T>(bytes, offset, count));
  return {reinterpret_cast<T const*>(bytes.data() + offset), count};
}

template <DiskLayout T>
std::span<T> edit_array(Bytes bytes, std::size_t offset, std::size_t count) {
  XFSX_ASSERT(fits<T>(bytes, offset, count));
  return {reinterpret_cast<T*>(bytes.data() + offset), count};
}

/// The bytes of a structure.
template <DiskLayout T>
ConstBytes bytes_of(T const& object) {
  return {reinterpret_cast<std::byte const*>(&object), sizeof(T)};
}

inline ConstBytes bytes_of(std::string_view text) {
  return {reinterpret_cast<std::byte const*>(text.data()), text.size()};
}

inline std::string_view text_of(ConstBytes bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

}  // namespace xfsx::inline v0
