#pragma once
// A check that this machine cannot make says so on stdout, by name, and is counted by whoever runs
// the tests.

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace xfsx::tests {

/// Says that the running test case is skipped, and why.
inline void report_skip(std::string const& reason) {
  char const* const name = doctest::getContextOptions()->currentTest->m_name;
  std::printf("XFSX-SKIP %s: %s\n", name, reason.c_str());
  std::fflush(stdout);
}

/// True for root; otherwise the test case is reported as skipped.
inline bool have_root() {
  if (::geteuid() == 0) return true;
  report_skip("needs root");
  return false;
}

}  // namespace xfsx::tests
