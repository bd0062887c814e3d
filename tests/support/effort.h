#pragma once
// How much a test may take: all cases in the long campaign, and a part of them with sanitizers,
// which take five to twelve times as long and run beside a build without them.

#include <cstdlib>
#include <string_view>

namespace xfsx::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

inline bool full_campaign() {
  char const* const full = std::getenv("XFSX_FULL");
  return full != nullptr && std::string_view(full) == "1";
}

}  // namespace xfsx::test
