#pragma once
// Changes of an inode core that every exchange makes: times and flags. They edit a private copy.

#include "format/inode_view.h"

namespace xfsx::inline v0 {

/// mtime and ctime become `now` (clamped to what the inode's form of time can hold), the change
/// counter rises.
void touch(disk::Dinode& core, Timestamp now);

/// ctime becomes `now`, as when attributes change; the change counter rises.
void touch_attributes(disk::Dinode& core, Timestamp now);

/// Only the change counter rises.
void count_change(disk::Dinode& core);

/// Sets or clears the flag that says that blocks of the data fork may be shared.
void set_reflink(disk::Dinode& core, bool on);

}  // namespace xfsx::inline v0
