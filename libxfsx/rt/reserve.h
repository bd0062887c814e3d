#pragma once
// Blocks of the data device that Linux keeps back for the btrees of realtime groups to grow into.

#include "txn/volume.h"

namespace xfsx::inline v0 {

/// What the trees of all groups together may come to have: each as large as its group could make
/// it, and a quarter of the data device at most. 0 where there are no such trees.
u64 realtime_tree_room(Geometry const& geometry);

/// How much of that they do not have yet. Errors: those of find_group_tree.
Result<u64> realtime_tree_room_left(Volume& volume);

}  // namespace xfsx::inline v0
