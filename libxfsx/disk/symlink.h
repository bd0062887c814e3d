#pragma once
// A block of a symbolic link whose target does not fit the inode.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u32 symlink_magic = 0x58534c4d;  // "XSLM"
inline constexpr u32 symlink_max = 1024;          // bytes of a target

/// Header of a block of a remote symbolic link; bytes of the target follow.
struct SymlinkHeader {
  be32 magic;
  be32 offset;
  be32 bytes;
  le32 crc;
  Uuid uuid;
  be<InodeNumber> owner;
  be<Daddr> bno;
  be<Lsn> lsn;
};

inline constexpr Field symlink_header_fields[] = {
    XFSX_FIELD(SymlinkHeader, 0, magic, hex, "XSLM."),
    XFSX_FIELD(SymlinkHeader, 4, offset, decimal, "Of the first byte in the target."),
    XFSX_FIELD(SymlinkHeader, 8, bytes, decimal, "Bytes of the target in this block."),
    XFSX_FIELD(SymlinkHeader, 12, crc, crc, "CRC32c of the block."),
    XFSX_FIELD(SymlinkHeader, 16, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(SymlinkHeader, 32, owner, inode, "Inode that this block belongs to."),
    XFSX_FIELD(SymlinkHeader, 40, bno, daddr, "Own address."),
    XFSX_FIELD(SymlinkHeader, 48, lsn, lsn, "Last checkpoint that wrote the block."),
};
XFSX_LAYOUT(SymlinkHeader, "symlink_hdr", symlink_header_fields,
            "Header of a block of a remote symbolic link.");

}  // namespace xfsx::inline v0::disk
