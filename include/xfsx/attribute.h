#pragma once
// Extended attributes as the library shows them.

#include <xfsx/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace xfsx::inline v0 {

/// The namespaces of attributes on disk. `parent` holds parent pointers, which Linux does not list:
/// the name is that of a directory entry, the value tells the directory.
enum class AttributeSpace : u8 { user, trusted, security, parent };

/// "user", "trusted", "security", "parent": what stands before the dot of a name.
XFSX_API std::string_view to_string(AttributeSpace space);

struct Attribute {
  AttributeSpace space = AttributeSpace::user;
  std::string name;              ///< raw bytes, without the prefix
  std::vector<std::byte> value;  ///< raw bytes, at most 64 KiB
};

}  // namespace xfsx::inline v0
