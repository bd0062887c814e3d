#pragma once
// Replays an inode item onto an inode.

#include "format/geometry.h"
#include "log/decode_item.h"

namespace xfsx::inline v0 {

/// What an inode item says of its target, in either of the forms that kernels write.
struct InodeItemHead {
  InodeNumber number{};
  Daddr cluster{};
  u32 length = 0;  ///< of the cluster's buffer, basic blocks
  u32 offset = 0;  ///< of the inode in it, bytes
  u32 fields = 0;
  u32 device = 0;  ///< of a device inode
};

InodeItemHead inode_item_head(DecodedLogItem const& item);

/// `fields` of an item after which the blocks of a fork's mapping btree belong to this inode.
inline constexpr u32 data_owner_changes = 0x200;
inline constexpr u32 attr_owner_changes = 0x400;

/// Writes what the item says onto `inode`, the whole inode as it lies on disk, unless that is newer
/// than `lsn`, the transaction's. LSN, checksum and the pointer to the next unlinked inode stay as
/// they are. True if it was written. Errors: bad_value located by the item's log block for an item
/// that fits no inode, and by `where` for a target that is none.
Result<bool> replay_inode(DecodedLogItem const& item, Lsn lsn, Geometry const& geometry,
                          Location const& where, Bytes inode);

}  // namespace xfsx::inline v0
