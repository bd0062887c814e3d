#pragma once
// ACLs: XFS keeps them as attributes of its own form, which Linux shows in the common one.

#include <xfsx/attribute.h>
#include <xfsx/result.h>

#include <optional>

namespace xfsx::inline v0::cli {

/// An attribute as it is given to setxattr(2).
struct HostAttribute {
  std::string name;
  std::vector<std::byte> value;
};

/// What an attribute of XFS is called on other filesystems, and its value there: an ACL becomes
/// system.posix_acl_access or system.posix_acl_default. Empty for what only XFS uses (parent
/// pointers). Errors: bad_value for an ACL that is none.
Result<std::optional<HostAttribute>> host_attribute(Attribute const& attribute);

}  // namespace xfsx::inline v0::cli
