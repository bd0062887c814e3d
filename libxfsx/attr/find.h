#pragma once

#include "attr/list.h"

namespace xfsx::inline v0 {

/// True if the inode has attribute `name` (without prefix) in `space`; one whose writing was
/// interrupted does not count, as in Linux. Errors: those of for_each_attribute.
Result<bool> has_attribute(Volume& volume, Inode const& inode, AttributeSpace space,
                           std::string_view name);

}  // namespace xfsx::inline v0
