#pragma once
// No exception leaves a device: what the standard library and Asio throw becomes an Error here.

#include <xfsx/result.h>

#include <new>
#include <system_error>
#include <utility>

namespace xfsx::inline v0 {

/// An error of a device request, located by its first byte.
inline Error device_error(Errc code, int errno_class, std::string_view reason, u64 byte,
                          std::source_location raised = std::source_location::current()) {
  Error e = make_error(code, errno_class, reason, raised);
  e.address_kind = AddressKind::byte;
  e.address = byte;
  return e;
}

/// The result of `body`, which returns a Result; no_memory or io when it throws.
template <class Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (std::bad_alloc const&) {
    return make_error(Errc::no_memory, ENOMEM, "out of memory");
  } catch (std::system_error const& e) {
    return make_error(Errc::io, e.code().value(), "the host refused a resource");
  }
}

}  // namespace xfsx::inline v0
