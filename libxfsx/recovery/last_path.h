#pragma once
// What a file without a name was called.

#include "txn/volume.h"

#include <string>

namespace xfsx::inline v0 {

/// The path of an inode by a parent pointer that it still has in `before`, what is on the device
/// while the log may have taken the pointer away, and the path of that parent in `after`, the
/// filesystem as recovery makes it. Empty where that is not known: without parent pointers, for
/// what was not home yet, or where directories are gone too. Errors: those of reading, if the
/// device fails; what is damaged only has no path.
Result<std::string> last_path(Volume& before, Volume& after, InodeNumber number);

}  // namespace xfsx::inline v0
