#pragma once
// Calls of libraries that are loaded when they are first needed.

#include <dlfcn.h>

#include <cstring>
#include <memory>

namespace xfsx::inline v0 {

struct CloseLibrary {
  void operator()(void* library) const { ::dlclose(library); }
};
using HostLibrary = std::unique_ptr<void, CloseLibrary>;

inline HostLibrary load_library(char const* name) {
  return HostLibrary(::dlopen(name, RTLD_NOW | RTLD_LOCAL));
}

/// False if the library has no such call.
template <class Function>
bool find_call(HostLibrary const& library, char const* name, Function& function) {
  void* const address = ::dlsym(library.get(), name);
  static_assert(sizeof address == sizeof function);
  std::memcpy(&function, &address, sizeof function);
  return address != nullptr;
}

}  // namespace xfsx::inline v0
