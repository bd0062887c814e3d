#pragma once
// The hash of a name that directories and attributes sort by.

#include <xfsx/types.h>

#include <string_view>

namespace xfsx::inline v0 {

/// Four bytes at a time, then what is left.
constexpr u32 name_hash(std::string_view name) {
  auto const rotate = [](u32 value, u32 by) { return (value << by) | (value >> (32 - by)); };
  auto const at = [&](std::size_t i) { return u32{static_cast<u8>(name[i])}; };
  u32 hash = 0;
  std::size_t i = 0;
  for (; name.size() - i >= 4; i += 4) {
    hash = (at(i) << 21) ^ (at(i + 1) << 14) ^ (at(i + 2) << 7) ^ at(i + 3) ^ rotate(hash, 28);
  }
  switch (name.size() - i) {
    case 3:
      return (at(i) << 14) ^ (at(i + 1) << 7) ^ at(i + 2) ^ rotate(hash, 21);
    case 2:
      return (at(i) << 7) ^ at(i + 1) ^ rotate(hash, 14);
    case 1:
      return at(i) ^ rotate(hash, 7);
    default:
      return hash;
  }
}
static_assert(name_hash(".") == 0x2e && name_hash("..") == 0x172e);
static_assert(name_hash("rtgroups") == 0x2d18ab4c && name_hash("0.bitmap") == 0x9efbcbe6);

}  // namespace xfsx::inline v0
