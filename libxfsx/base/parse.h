#pragma once
// Text that is wholly a number or wholly bytes, from command lines and small files.

#include <xfsx/types.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace xfsx::inline v0 {

/// The number that all of `digits` is; nothing for other text and for what does not fit in `T`.
template <class T = u64>
std::optional<T> parse_digits(std::string_view digits, int base = 10) {
  T number = 0;
  char const* const end = digits.data() + digits.size();
  auto const [stop, status] = std::from_chars(digits.data(), end, number, base);
  if (digits.empty() || status != std::errc{} || stop != end) return std::nullopt;
  return number;
}

/// Decimal, or hexadecimal after 0x.
inline std::optional<u64> parse_number(std::string_view text) {
  return text.starts_with("0x") ? parse_digits(text.substr(2), 16) : parse_digits(text);
}

/// The bytes that pairs of hexadecimal digits say; nothing for other text.
inline std::optional<std::string> parse_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    std::optional<u8> const byte = parse_digits<u8>(digits.substr(i, 2), 16);
    if (!byte) return std::nullopt;
    bytes += static_cast<char>(*byte);
  }
  return bytes;
}

}  // namespace xfsx::inline v0
