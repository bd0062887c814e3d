#pragma once
// Changes of an inode core that every exchange makes: extent counters in their place of the day,
// times, flags. All of them edit a private copy.

#include "format/inode_view.h"

namespace xfsx::inline v0 {

/// Sets the extent counter of the data fork, where the NREXT64 flag of the inode says it lies.
void set_data_extents(disk::Dinode& core, u64 count);

/// Moves both extent counters to their large form and sets NREXT64; nothing if it is set already.
void make_large_extent_counts(disk::Dinode& core);

/// mtime and ctime become `now` (clamped to what the inode's form of time can hold), the change
/// counter rises.
void touch(disk::Dinode& core, Timestamp now);

/// Only the change counter rises.
void count_change(disk::Dinode& core);

/// Sets or clears the flag that says that blocks of the data fork may be shared.
void set_reflink(disk::Dinode& core, bool on);

}  // namespace xfsx::inline v0
