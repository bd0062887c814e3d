#pragma once
// The realtime section. Its free space is a bitmap, one bit for each realtime extent, and a
// summary, which counts free runs by the place and the log2 of the length. Both are files. Without
// groups their blocks are nothing but words of 32 bits in the byte order of the machine; with
// groups each group has files of its own, and each block a header, behind which words are
// big-endian.

#include "disk/field.h"

#include <bit>

namespace xfsx::inline v0::disk {

inline constexpr u32 rt_superblock_magic = 0x46726f67;  // "Frog"
inline constexpr u32 rt_bitmap_magic = 0x424d505a;      // "BMPZ"
inline constexpr u32 rt_summary_magic = 0x53554d59;     // "SUMY"

/// A word of a bitmap or a summary that has no header.
using PlainRtWord = std::conditional_t<std::endian::native == std::endian::big, be32, le32>;

/// Header of a block of the bitmap or the summary of a realtime group.
struct RtBufferHeader {
  be32 magicnum;
  le32 crc;
  be<InodeNumber> owner;
  be<Daddr> bno;
  be<Lsn> lsn;
  Uuid uuid;
};

inline constexpr Field rt_buffer_header_fields[] = {
    XFSX_FIELD(RtBufferHeader, 0, magicnum, hex, "Identifies the block: BMPZ or SUMY."),
    XFSX_FIELD(RtBufferHeader, 4, crc, crc, "CRC32c of the block."),
    XFSX_FIELD(RtBufferHeader, 8, owner, inode, "Inode that this block belongs to."),
    XFSX_FIELD(RtBufferHeader, 16, bno, daddr, "Own address."),
    XFSX_FIELD(RtBufferHeader, 24, lsn, lsn, "Last checkpoint that wrote the block."),
    XFSX_FIELD(RtBufferHeader, 32, uuid, uuid, "Metadata UUID of the filesystem."),
};
XFSX_LAYOUT(RtBufferHeader, "rtbuf", rt_buffer_header_fields,
            "Header of a block of the bitmap or the summary of a realtime group; words of 32 bits "
            "follow.");

/// The first block of the realtime section; the rest of it is zero.
struct RtSuperblock {
  be32 magicnum;
  le32 crc;
  be32 pad;
  std::array<char, 12> fname;
  Uuid uuid;
  Uuid meta_uuid;
};

inline constexpr Field rt_superblock_fields[] = {
    XFSX_FIELD(RtSuperblock, 0, magicnum, hex, "Identifies the block: Frog."),
    XFSX_FIELD(RtSuperblock, 4, crc, crc, "CRC32c of the block."),
    XFSX_FIELD(RtSuperblock, 8, pad, hex, "Zero."),
    XFSX_FIELD(RtSuperblock, 12, fname, text, "Label, as in the superblock."),
    XFSX_FIELD(RtSuperblock, 24, uuid, uuid, "UUID that the user sees."),
    XFSX_FIELD(RtSuperblock, 40, meta_uuid, uuid, "UUID stamped on metadata."),
};
XFSX_LAYOUT(RtSuperblock, "rtsb", rt_superblock_fields,
            "The superblock of the realtime section: its first block, where there are groups.");

}  // namespace xfsx::inline v0::disk
