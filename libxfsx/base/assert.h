#pragma once
// XFSX_ASSERT guards our own invariants and is on in every build. It is never applied to a value
// that came from a device: those are checked and reported as errors.

namespace xfsx::inline v0 {

/// Prints the failed expression and its place on stderr and aborts.
[[noreturn]] void assertion_failed(char const* expression, char const* file, int line);

}  // namespace xfsx::inline v0

#define XFSX_ASSERT(expression)                         \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::xfsx::assertion_failed(#expression, __FILE__, __LINE__))
