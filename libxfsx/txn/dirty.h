#pragma once
// What of a private copy differs from its original, in the units that the log knows.

#include "format/block_kind.h"
#include "log/items.h"

namespace xfsx::inline v0 {

/// The chunks of a block in which the copy differs. The LSN and the checksum do not count: recovery
/// writes its own.
ChunkMap dirty_chunks(BlockKind const& kind, ConstBytes original, ConstBytes copy);

/// True if an inode's copy differs in more than its LSN and checksum.
bool inode_differs(ConstBytes original, ConstBytes copy);

}  // namespace xfsx::inline v0
