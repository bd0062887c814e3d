#pragma once
// Inodes are verified one by one; the buffer that holds a cluster of them has nothing of its own.

#include "format/block_kind.h"
#include "format/inode_view.h"

namespace xfsx::inline v0 {

/// A cluster of inodes: the unit that inodes are read, logged and written in.
extern BlockKind const inode_cluster_kind;

/// Checks one inode: checksum, identity, and every rule of its core that later code stands on.
/// `slice` is the whole inode, `context` where its cluster lies. A free inode (mode 0) passes if
/// its identity is right. Pure. Errors: bad_crc, bad_value with the field.
Result<void> verify_inode(ConstBytes slice, BlockContext const& context, InodeNumber ino);

}  // namespace xfsx::inline v0
