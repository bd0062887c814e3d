#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace xfsx::inline v0 {

void assertion_failed(char const* expression, char const* file, int line) {
  std::fprintf(stderr, "xfsx: internal error: %s:%d: %s\n", file, line, expression);
  std::abort();
}

}  // namespace xfsx::inline v0
