#pragma once
// Bytes of unknown origin as text: names in a filesystem are bytes; people and JSON want
// characters.

#include <xfsx/result.h>

#include <string>
#include <string_view>

namespace xfsx::inline v0::cli {

/// Length of the well-formed UTF-8 character at the start of `bytes`; 0 if there is none.
std::size_t utf8_length(std::string_view bytes);

/// True if `bytes` is the start of a character whose end is missing.
bool utf8_incomplete(std::string_view bytes);

bool is_utf8(std::string_view bytes);

/// The text with U+FFFD for each byte that is not part of a character.
std::string replace_invalid(std::string_view bytes);

std::string base64(std::string_view bytes);

/// For a terminal: control characters, backslashes if `backslash`, and bytes that are not UTF-8 as
/// backslash and three octal digits.
std::string escape(std::string_view bytes, bool backslash);

/// The bytes that a run of hexadecimal digits stands for. Errors: refused EINVAL.
Result<std::string> from_hex(std::string_view digits);

}  // namespace xfsx::inline v0::cli
