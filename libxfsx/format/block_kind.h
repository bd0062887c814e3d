#pragma once
// What kinds of metadata blocks there are, one row each: where the checksum, LSN, uuid, own address
// and owner lie, how the block is logged, and how its contents are verified. The cache verifies by
// this table when it loads a block, the transaction logs by it and verifies by it again on the way
// out. Version 4 blocks have none of these fields: there only the contents are verified.

#include "disk/log.h"
#include "format/geometry.h"

namespace xfsx::inline v0 {

/// What a verifier may know about the block it looks at.
struct BlockContext {
  Geometry const& geometry;
  Location where;
};

struct BlockKind {
  static constexpr u16 none = 0xffff;

  std::string_view name;
  disk::BufferType log_type;
  u16 crc, lsn, uuid;  ///< byte offsets in the block; `none` where there is no such field
  u16 address = none;  ///< own daddr, 8 bytes
  u16 owner = none;    ///< inode number (8 bytes) or AG number (4 bytes)
  bool owner_is_ag = false;
  /// Contents beyond the fields above; pure, no I/O, no allocation.
  Result<void> (*verify)(ConstBytes block, BlockContext const& context);
};

/// Checks what the table of `kind` says: checksum, uuid, own address, and LSN against `head` (the
/// head of the log; a null head is not checked). Then the contents. Errors: bad_crc, bad_value with
/// the field.
Result<void> verify_block(BlockKind const& kind, ConstBytes block, BlockContext const& context,
                          Lsn head);

/// Checks that the block belongs to `owner` (an inode). For kinds without an inode owner: nothing.
Result<void> verify_owner(BlockKind const& kind, ConstBytes block, BlockContext const& context,
                          InodeNumber owner);

/// The LSN stored in the block; 0 for kinds without one. Of version 5, as what follows.
Lsn lsn_of(BlockKind const& kind, ConstBytes block);

/// Stores `lsn` and the checksum, for kinds that have them.
void stamp_block(BlockKind const& kind, Bytes block, Lsn lsn);

}  // namespace xfsx::inline v0
