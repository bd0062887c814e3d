#pragma once
// Where the library meets its caller.

#include <xfsx/result.h>

#include <cerrno>
#include <new>

namespace xfsx::inline v0 {

/// Runs a part of the facade; where memory runs out, that is the error.
template <class Body>
auto guarded(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (std::bad_alloc const&) {
    return make_error(Errc::no_memory, ENOMEM, {});
  }
}

}  // namespace xfsx::inline v0
