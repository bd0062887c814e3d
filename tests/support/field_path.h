#pragma once
// Paths of fields in which it does not matter which element of a list is meant.

#include <string>
#include <string_view>

namespace xfsx::test {

/// `recs[3].startblock` as `recs[].startblock`.
inline std::string without_numbers(std::string_view path) {
  std::string out;
  bool inside = false;
  for (char const c : path) {
    if (c == ']') inside = false;
    if (!inside) out += c;
    if (c == '[') inside = true;
  }
  return out;
}

}  // namespace xfsx::test
