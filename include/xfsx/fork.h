#pragma once

#include <xfsx/types.h>

namespace xfsx::inline v0 {

/// The two forks of an inode: what it holds, and its extended attributes.
enum class ForkKind : u8 { data, attr };

}  // namespace xfsx::inline v0
