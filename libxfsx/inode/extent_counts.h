#pragma once
// The extent counters of an inode's private copy, in their place of the day: NREXT64 moves them.

#include "inode/fork.h"

namespace xfsx::inline v0 {

/// Sets the counter of a fork, where the NREXT64 flag of the inode says it lies.
void set_extent_count(disk::Dinode& core, ForkKind kind, u64 count);

/// Moves both extent counters to their large form and sets NREXT64; nothing if it is set already.
void make_large_extent_counts(disk::Dinode& core);

}  // namespace xfsx::inline v0
