#pragma once
// What a test expects of results: that they are there.

#include <xfsx/error.h>
#include <xfsx/result.h>

#include <doctest/doctest.h>

#include <utility>

namespace xfsx::test {

/// The value; a test case without one ends here, and says why.
template <class T>
T value_of(Result<T> result) {
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : describe(result.error())));
  return std::move(result.value());
}

inline void must(Result<void> const& result) {
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : describe(result.error())));
}

}  // namespace xfsx::test
