#include "text.h"
#include "base/parse.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

u32 byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

bool is_tail(u32 byte) {
  return (byte & 0xc0U) == 0x80;
}

/// How many bytes a character that starts with `lead` has; 0 if none can.
std::size_t announced(u32 lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

/// Second bytes that would make an overlong form, a surrogate, or a number beyond Unicode.
bool second_fits(u32 lead, u32 second) {
  switch (lead) {
    case 0xe0:
      return second >= 0xa0;
    case 0xed:
      return second < 0xa0;
    case 0xf0:
      return second >= 0x90;
    case 0xf4:
      return second < 0x90;
    default:
      return true;
  }
}

/// How many bytes of the announced character are there and in order.
std::size_t good_prefix(std::string_view bytes) {
  u32 const lead = byte_at(bytes, 0);
  std::size_t const wanted = announced(lead);
  std::size_t n = wanted == 0 ? 0 : 1;
  while (n != 0 && n < wanted && n < bytes.size() && is_tail(byte_at(bytes, n)) &&
         (n != 1 || second_fits(lead, byte_at(bytes, n)))) {
    ++n;
  }
  return n;
}

}  // namespace

std::size_t utf8_length(std::string_view bytes) {
  if (bytes.empty()) return 0;
  std::size_t const n = good_prefix(bytes);
  return n == announced(byte_at(bytes, 0)) ? n : 0;
}

bool utf8_incomplete(std::string_view bytes) {
  if (bytes.empty()) return false;
  std::size_t const n = good_prefix(bytes);
  return n == bytes.size() && n < announced(byte_at(bytes, 0));
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t const n = utf8_length(bytes);
    if (n == 0) return false;
    bytes.remove_prefix(n);
  }
  return true;
}

std::string replace_invalid(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    std::size_t const n = utf8_length(bytes);
    out += n == 0 ? std::string_view("\xef\xbf\xbd") : bytes.substr(0, n);
    bytes.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t const n = std::min<std::size_t>(3, bytes.size() - i);
    u32 word = 0;
    for (std::size_t k = 0; k < 3; ++k) word = (word << 8) | (k < n ? byte_at(bytes, i + k) : 0);
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= n ? alphabet[(word >> (18 - 6 * k)) & 63U] : '=';
    }
  }
  return out;
}

std::string escape(std::string_view bytes, bool backslash) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    std::size_t const n = utf8_length(bytes);
    u32 const c = byte_at(bytes, 0);
    // C1 controls (U+0080 to U+009F) move a terminal's cursor as C0 controls do.
    bool const control =
        (n == 1 && (c < 0x20 || c == 0x7f)) || (n == 2 && c == 0xc2 && byte_at(bytes, 1) < 0xa0);
    if (n != 0 && !control && !(backslash && c == '\\')) {
      out += bytes.substr(0, n);
      bytes.remove_prefix(n);
      continue;
    }
    out += fmt::format("\\{:03o}", c);
    bytes.remove_prefix(1);
  }
  return out;
}

Result<std::string> from_hex(std::string_view digits) {
  std::optional<std::string> bytes = parse_hex(digits);
  if (!bytes) return refuse(EINVAL, "the path is not pairs of hexadecimal digits");
  return std::move(*bytes);
}

}  // namespace xfsx::inline v0::cli
