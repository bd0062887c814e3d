#pragma once
// The first regions of log items, and what follows them: everything that Linux has ever written
// into a checkpoint beside buffers and inodes. As in disk/log.h, what is in the byte order of the
// writer is declared little-endian; the decoder turns the other order round by these tables.

#include "disk/field.h"
#include "disk/quota.h"

namespace xfsx::inline v0::disk {

/// `op_flags` of an attribute intent.
namespace attr_intent {
inline constexpr u32 set = 1;
inline constexpr u32 remove = 2;
inline constexpr u32 replace = 3;
inline constexpr u32 parent_set = 4;
inline constexpr u32 parent_remove = 5;
inline constexpr u32 parent_replace = 6;
}  // namespace attr_intent

/// `flags` of what a RUI lists: what is to be done in the low byte, fork and state above. `shared`
/// leaves room for other owners of the blocks.
namespace rmap_intent {
inline constexpr u32 what = 0xff;
inline constexpr u32 map = 1;
inline constexpr u32 map_shared = 2;
inline constexpr u32 unmap = 3;
inline constexpr u32 unmap_shared = 4;
inline constexpr u32 convert = 5;
inline constexpr u32 convert_shared = 6;
inline constexpr u32 alloc = 7;
inline constexpr u32 free = 8;
inline constexpr u32 attr_fork = 1U << 31;
inline constexpr u32 bmbt_block = 1U << 30;
inline constexpr u32 unwritten = 1U << 29;
}  // namespace rmap_intent

/// `flags` of what a CUI lists.
namespace count_intent {
inline constexpr u32 increase = 1;
inline constexpr u32 decrease = 2;
inline constexpr u32 alloc_cow = 3;
inline constexpr u32 free_cow = 4;
}  // namespace count_intent

/// `flags` of a BUI, whose bits are others than those of a RUI.
namespace map_intent {
inline constexpr u32 what = 0xff;
inline constexpr u32 map = 1;
inline constexpr u32 unmap = 2;
inline constexpr u32 attr_fork = 1U << 31;
inline constexpr u32 unwritten = 1U << 30;
inline constexpr u32 realtime = 1U << 29;
}  // namespace map_intent

/// `flags` of an XMI or SXI.
namespace exchange_intent {
inline constexpr u64 attr_fork = 0x01;
inline constexpr u64 set_sizes = 0x02;
inline constexpr u64 written_only = 0x04;
inline constexpr u64 clear_reflink1 = 0x08;
inline constexpr u64 clear_reflink2 = 0x10;
inline constexpr u64 bring_in2 = 0x20;  ///< SXI alone: fork 2 into its inode where it fits
inline constexpr u64 of_xmi = 0x1f;
inline constexpr u64 of_sxi = 0x3f;
}  // namespace exchange_intent

/// First region of an inode item as 32-bit machines wrote it: without padding.
struct InodeLogFormat32 {
  le16 type;
  le16 size;
  le32 fields;
  le16 asize;
  le16 dsize;
  le<InodeNumber> ino;
  std::array<u8, 16> u;
  le<Daddr> blkno;
  le32 len;
  le32 boffset;
};

inline constexpr Field inode_log_format_32_fields[] = {
    XFSX_FIELD(InodeLogFormat32, 0, type, hex, "0x123b."),
    XFSX_FIELD(InodeLogFormat32, 2, size, decimal, "Regions of the item."),
    XFSX_FIELD(InodeLogFormat32, 4, fields, hex, "What of the inode is logged."),
    XFSX_FIELD(InodeLogFormat32, 8, asize, decimal, "Bytes of the attribute fork's region."),
    XFSX_FIELD(InodeLogFormat32, 10, dsize, decimal, "Bytes of the data fork's region."),
    XFSX_FIELD(InodeLogFormat32, 12, ino, inode, "The inode."),
    XFSX_FIELD(InodeLogFormat32, 20, u, hex, "Device number of a device inode."),
    XFSX_FIELD(InodeLogFormat32, 36, blkno, daddr, "Address of the inode cluster's buffer."),
    XFSX_FIELD(InodeLogFormat32, 44, len, decimal, "Length of that buffer, basic blocks."),
    XFSX_FIELD(InodeLogFormat32, 48, boffset, decimal, "Offset of the inode in it, bytes."),
};
XFSX_LAYOUT(InodeLogFormat32, "log_inode32", inode_log_format_32_fields,
            "First region of an inode item as 32-bit machines wrote it: without padding.");

/// Core of an inode of version 2 as the log holds it.
struct LogDinodeV2 {
  le16 magic;
  le16 mode;
  u8 version;
  u8 format;
  le16 metatype;
  le32 uid;
  le32 gid;
  le32 nlinkv2;
  le16 projid_lo;
  le16 projid_hi;
  le64 nrext64_nextents;
  le64 atime;
  le64 mtime;
  le64 ctime;
  le64 size;
  le64 nblocks;
  le32 extsize;
  le32 nextents;
  le16 naextents;
  u8 forkoff;
  u8 aformat;
  le32 dmevmask;
  le16 dmstate;
  le16 flags;
  le32 gen;
};

inline constexpr Field log_dinode_v_2_fields[] = {
    XFSX_FIELD(LogDinodeV2, 0, magic, hex, "Identifies the inode: IN."),
    XFSX_FIELD(LogDinodeV2, 2, mode, hex, "File type and permissions; 0 for a free inode."),
    XFSX_FIELD(LogDinodeV2, 4, version, decimal, "2, or 3."),
    XFSX_FIELD(LogDinodeV2, 5, format, decimal, "Format of the data fork."),
    XFSX_FIELD(LogDinodeV2, 6, metatype, decimal, "Kind of a metadata inode."),
    XFSX_FIELD(LogDinodeV2, 8, uid, decimal, "Owner."),
    XFSX_FIELD(LogDinodeV2, 12, gid, decimal, "Group."),
    XFSX_FIELD(LogDinodeV2, 16, nlinkv2, decimal, "Links."),
    XFSX_FIELD(LogDinodeV2, 20, projid_lo, decimal, "Project, low half."),
    XFSX_FIELD(LogDinodeV2, 22, projid_hi, decimal, "Project, high half."),
    XFSX_FIELD(LogDinodeV2, 24, nrext64_nextents, decimal,
               "Extents of the data fork if NREXT64 is set, otherwise zero."),
    XFSX_FIELD(LogDinodeV2, 32, atime, timestamp, "Last access."),
    XFSX_FIELD(LogDinodeV2, 40, mtime, timestamp, "Last change of the contents."),
    XFSX_FIELD(LogDinodeV2, 48, ctime, timestamp, "Last change of the inode."),
    XFSX_FIELD(LogDinodeV2, 56, size, decimal, "Bytes."),
    XFSX_FIELD(LogDinodeV2, 64, nblocks, decimal, "Blocks of both forks."),
    XFSX_FIELD(LogDinodeV2, 72, extsize, decimal, "Extent size hint, blocks."),
    XFSX_FIELD(LogDinodeV2, 76, nextents, decimal,
               "Extents of the data fork, or of the attribute fork if NREXT64 is set."),
    XFSX_FIELD(LogDinodeV2, 80, naextents, decimal,
               "Extents of the attribute fork; zero if NREXT64 is set."),
    XFSX_FIELD(LogDinodeV2, 82, forkoff, decimal,
               "Where the attribute fork starts, in units of 8 bytes; 0 for none."),
    XFSX_FIELD(LogDinodeV2, 83, aformat, decimal, "Format of the attribute fork."),
    XFSX_FIELD(LogDinodeV2, 84, dmevmask, hex, "Obsolete."),
    XFSX_FIELD(LogDinodeV2, 88, dmstate, hex, "Obsolete."),
    XFSX_FIELD(LogDinodeV2, 90, flags, hex, "Flags."),
    XFSX_FIELD(LogDinodeV2, 92, gen, decimal, "Generation of the inode number."),
};
XFSX_LAYOUT(LogDinodeV2, "log_core_v2", log_dinode_v_2_fields,
            "Core of an inode of version 2 as the log holds it.");

/// Core of an inode as the log holds it: each number in the byte order of the writer.
struct LogDinode {
  le16 magic;
  le16 mode;
  u8 version;
  u8 format;
  le16 metatype;
  le32 uid;
  le32 gid;
  le32 nlinkv2;
  le16 projid_lo;
  le16 projid_hi;
  le64 nrext64_nextents;
  le64 atime;
  le64 mtime;
  le64 ctime;
  le64 size;
  le64 nblocks;
  le32 extsize;
  le32 nextents;
  le16 naextents;
  u8 forkoff;
  u8 aformat;
  le32 dmevmask;
  le16 dmstate;
  le16 flags;
  le32 gen;
  le<AgInode> next_unlinked;
  le32 crc;
  le64 change_count;
  le<Lsn> lsn;
  le64 flags2;
  le32 cowextsize;
  std::array<u8, 12> pad2;
  le64 crtime;
  le<InodeNumber> inumber;
  Uuid uuid;
};

inline constexpr Field log_dinode_fields[] = {
    XFSX_FIELD(LogDinode, 0, magic, hex, "Identifies the inode: IN."),
    XFSX_FIELD(LogDinode, 2, mode, hex, "File type and permissions; 0 for a free inode."),
    XFSX_FIELD(LogDinode, 4, version, decimal, "2, or 3."),
    XFSX_FIELD(LogDinode, 5, format, decimal, "Format of the data fork."),
    XFSX_FIELD(LogDinode, 6, metatype, decimal, "Kind of a metadata inode."),
    XFSX_FIELD(LogDinode, 8, uid, decimal, "Owner."),
    XFSX_FIELD(LogDinode, 12, gid, decimal, "Group."),
    XFSX_FIELD(LogDinode, 16, nlinkv2, decimal, "Links."),
    XFSX_FIELD(LogDinode, 20, projid_lo, decimal, "Project, low half."),
    XFSX_FIELD(LogDinode, 22, projid_hi, decimal, "Project, high half."),
    XFSX_FIELD(LogDinode, 24, nrext64_nextents, decimal,
               "Extents of the data fork if NREXT64 is set, otherwise zero."),
    XFSX_FIELD(LogDinode, 32, atime, timestamp, "Last access."),
    XFSX_FIELD(LogDinode, 40, mtime, timestamp, "Last change of the contents."),
    XFSX_FIELD(LogDinode, 48, ctime, timestamp, "Last change of the inode."),
    XFSX_FIELD(LogDinode, 56, size, decimal, "Bytes."),
    XFSX_FIELD(LogDinode, 64, nblocks, decimal, "Blocks of both forks."),
    XFSX_FIELD(LogDinode, 72, extsize, decimal, "Extent size hint, blocks."),
    XFSX_FIELD(LogDinode, 76, nextents, decimal,
               "Extents of the data fork, or of the attribute fork if NREXT64 is set."),
    XFSX_FIELD(LogDinode, 80, naextents, decimal,
               "Extents of the attribute fork; zero if NREXT64 is set."),
    XFSX_FIELD(LogDinode, 82, forkoff, decimal,
               "Where the attribute fork starts, in units of 8 bytes; 0 for none."),
    XFSX_FIELD(LogDinode, 83, aformat, decimal, "Format of the attribute fork."),
    XFSX_FIELD(LogDinode, 84, dmevmask, hex, "Obsolete."),
    XFSX_FIELD(LogDinode, 88, dmstate, hex, "Obsolete."),
    XFSX_FIELD(LogDinode, 90, flags, hex, "Flags."),
    XFSX_FIELD(LogDinode, 92, gen, decimal, "Generation of the inode number."),
    XFSX_FIELD(LogDinode, 96, next_unlinked, agino, "Never replayed."),
    XFSX_FIELD(LogDinode, 100, crc, hex, "Meaningless here."),
    XFSX_FIELD(LogDinode, 104, change_count, decimal, "Changes since the inode was made."),
    XFSX_FIELD(LogDinode, 112, lsn, lsn, "Meaningless here."),
    XFSX_FIELD(LogDinode, 120, flags2, hex, "More flags."),
    XFSX_FIELD(LogDinode, 128, cowextsize, decimal,
               "Extent size hint for copies on write, blocks."),
    XFSX_FIELD(LogDinode, 132, pad2, padding, "Zero."),
    XFSX_FIELD(LogDinode, 144, crtime, timestamp, "When the inode was made."),
    XFSX_FIELD(LogDinode, 152, inumber, inode, "Own number."),
    XFSX_FIELD(LogDinode, 160, uuid, uuid, "Metadata UUID of the filesystem."),
};
XFSX_LAYOUT(LogDinode, "log_core", log_dinode_fields,
            "Core of an inode as the log holds it: each number in the byte order of the writer.");

/// Begin of an intent that lists extents (EFI, RUI, CUI, BUI), and of an EFD; the extents follow.
struct IntentLogFormat {
  le16 type;
  le16 size;
  le32 nextents;
  le64 id;
};

inline constexpr Field intent_log_format_fields[] = {
    XFSX_FIELD(
        IntentLogFormat, 0, type, hex,
        "0x1236 EFI, 0x1237 EFD, 0x1240 RUI, 0x1242 CUI, 0x1244 BUI, and realtime variants."),
    XFSX_FIELD(IntentLogFormat, 2, size, decimal, "Regions of the item: 1."),
    XFSX_FIELD(IntentLogFormat, 4, nextents, decimal, "Extents that follow."),
    XFSX_FIELD(IntentLogFormat, 8, id, hex, "Number by which the done item names the intent."),
};
XFSX_LAYOUT(IntentLogFormat, "log_intent", intent_log_format_fields,
            "Begin of an intent that lists extents (EFI, RUI, CUI, BUI), and of an EFD; the "
            "extents follow.");

/// An item that says that an intent is finished (RUD, CUD, BUD, ATTRD, XMD, SXD).
struct DoneLogFormat {
  le16 type;
  le16 size;
  le32 pad;
  le64 id;
};

inline constexpr Field done_log_format_fields[] = {
    XFSX_FIELD(
        DoneLogFormat, 0, type, hex,
        "0x1241 RUD, 0x1243 CUD, 0x1245 BUD, 0x1247 ATTRD, 0x1249 XMD, and realtime variants."),
    XFSX_FIELD(DoneLogFormat, 2, size, decimal, "Regions of the item: 1."),
    XFSX_FIELD(DoneLogFormat, 4, pad, padding, "Zero."),
    XFSX_FIELD(DoneLogFormat, 8, id, hex, "Number of the intent."),
};
XFSX_LAYOUT(DoneLogFormat, "log_done", done_log_format_fields,
            "An item that says that an intent is finished (RUD, CUD, BUD, ATTRD, XMD, SXD).");

/// Extent to be freed, as 64-bit machines write it.
struct FreeExtentLog {
  le<FsBlock> start;
  le32 len;
  le32 pad;
};

inline constexpr Field free_extent_log_fields[] = {
    XFSX_FIELD(FreeExtentLog, 0, start, fsblock, "First block."),
    XFSX_FIELD(FreeExtentLog, 8, len, decimal, "Blocks."),
    XFSX_FIELD(FreeExtentLog, 12, pad, padding, "Not set."),
};
XFSX_LAYOUT(FreeExtentLog, "log_efi_extent", free_extent_log_fields,
            "Extent to be freed, as 64-bit machines write it.");

/// Extent to be freed, as 32-bit machines wrote it.
struct FreeExtentLog32 {
  le<FsBlock> start;
  le32 len;
};

inline constexpr Field free_extent_log_32_fields[] = {
    XFSX_FIELD(FreeExtentLog32, 0, start, fsblock, "First block."),
    XFSX_FIELD(FreeExtentLog32, 8, len, decimal, "Blocks."),
};
XFSX_LAYOUT(FreeExtentLog32, "log_efi_extent32", free_extent_log_32_fields,
            "Extent to be freed, as 32-bit machines wrote it.");

/// Mapping that a RUI or a BUI will change.
struct MapExtentLog {
  le64 owner;
  le<FsBlock> startblock;
  le<FileBlock> startoff;
  le32 len;
  le32 flags;
};

inline constexpr Field map_extent_log_fields[] = {
    XFSX_FIELD(MapExtentLog, 0, owner, decimal, "The inode, or another owner of blocks."),
    XFSX_FIELD(MapExtentLog, 8, startblock, fsblock, "First block."),
    XFSX_FIELD(MapExtentLog, 16, startoff, fileblock, "Offset in the fork, blocks."),
    XFSX_FIELD(MapExtentLog, 24, len, decimal, "Blocks."),
    XFSX_FIELD(MapExtentLog, 28, flags, hex,
               "What is to be done, in the low byte; fork and state."),
};
XFSX_LAYOUT(MapExtentLog, "log_map_extent", map_extent_log_fields,
            "Mapping that a RUI or a BUI will change.");

/// Extent whose reference count a CUI will change.
struct CountExtentLog {
  le<FsBlock> startblock;
  le32 len;
  le32 flags;
};

inline constexpr Field count_extent_log_fields[] = {
    XFSX_FIELD(CountExtentLog, 0, startblock, fsblock, "First block."),
    XFSX_FIELD(CountExtentLog, 8, len, decimal, "Blocks."),
    XFSX_FIELD(CountExtentLog, 12, flags, hex,
               "1 increase, 2 decrease, 3 and 4 begin and end copying on write."),
};
XFSX_LAYOUT(CountExtentLog, "log_cui_extent", count_extent_log_fields,
            "Extent whose reference count a CUI will change.");

/// Begin of an attribute intent; names and values follow, each padded to 4 bytes.
struct AttriLogFormat {
  le16 type;
  le16 size;
  le32 igen;
  le64 id;
  le<InodeNumber> ino;
  le32 op_flags;
  le32 name_len;
  le32 value_len;
  le32 attr_filter;
};

inline constexpr Field attri_log_format_fields[] = {
    XFSX_FIELD(AttriLogFormat, 0, type, hex, "0x1246."),
    XFSX_FIELD(AttriLogFormat, 2, size, decimal, "Regions of the item: 1 to 5."),
    XFSX_FIELD(AttriLogFormat, 4, igen, decimal, "Generation of the inode, for parent pointers."),
    XFSX_FIELD(AttriLogFormat, 8, id, hex, "Number by which the done item names the intent."),
    XFSX_FIELD(AttriLogFormat, 16, ino, inode, "The inode."),
    XFSX_FIELD(AttriLogFormat, 24, op_flags, decimal,
               "1 set, 2 remove, 3 replace; 4, 5, 6 the same for parent pointers."),
    XFSX_FIELD(AttriLogFormat, 28, name_len, decimal,
               "Bytes of the name; when replacing a parent pointer, of the old name (low half) and "
               "the new."),
    XFSX_FIELD(AttriLogFormat, 32, value_len, decimal, "Bytes of the value."),
    XFSX_FIELD(AttriLogFormat, 36, attr_filter, hex,
               "Name space: 2 root, 4 secure, 8 parent pointer, 0x80 incomplete."),
};
XFSX_LAYOUT(AttriLogFormat, "log_attri", attri_log_format_fields,
            "Begin of an attribute intent; names and values follow, each padded to 4 bytes.");

/// An exchange of mappings that has begun.
struct XmiLogFormat {
  le16 type;
  le16 size;
  le32 pad;
  le64 id;
  le<InodeNumber> inode1;
  le<InodeNumber> inode2;
  le32 igen1;
  le32 igen2;
  le<FileBlock> startoff1;
  le<FileBlock> startoff2;
  le64 blockcount;
  le64 flags;
  le64 isize1;
  le64 isize2;
};

inline constexpr Field xmi_log_format_fields[] = {
    XFSX_FIELD(XmiLogFormat, 0, type, hex, "0x1248."),
    XFSX_FIELD(XmiLogFormat, 2, size, decimal, "Regions of the item: 1."),
    XFSX_FIELD(XmiLogFormat, 4, pad, padding, "Zero."),
    XFSX_FIELD(XmiLogFormat, 8, id, hex, "Number by which the done item names the intent."),
    XFSX_FIELD(XmiLogFormat, 16, inode1, inode, "One inode."),
    XFSX_FIELD(XmiLogFormat, 24, inode2, inode, "The other."),
    XFSX_FIELD(XmiLogFormat, 32, igen1, decimal, "Generation of inode1."),
    XFSX_FIELD(XmiLogFormat, 36, igen2, decimal, "Generation of inode2."),
    XFSX_FIELD(XmiLogFormat, 40, startoff1, fileblock,
               "Where in inode1 what is left begins, blocks."),
    XFSX_FIELD(XmiLogFormat, 48, startoff2, fileblock, "Where in inode2."),
    XFSX_FIELD(XmiLogFormat, 56, blockcount, decimal, "Blocks left to exchange."),
    XFSX_FIELD(XmiLogFormat, 64, flags, hex,
               "1 attribute fork, 2 sizes too, 4 written only, 8 and 16 clear the reflink flags."),
    XFSX_FIELD(XmiLogFormat, 72, isize1, decimal, "Size of inode1 afterwards, bytes."),
    XFSX_FIELD(XmiLogFormat, 80, isize2, decimal, "Size of inode2 afterwards, bytes."),
};
XFSX_LAYOUT(XmiLogFormat, "log_xmi", xmi_log_format_fields,
            "An exchange of mappings that has begun.");

/// The same as an XMI, from before its form was settled: without generations.
struct SxiLogFormat {
  le16 type;
  le16 size;
  le32 pad;
  le64 id;
  le<InodeNumber> inode1;
  le<InodeNumber> inode2;
  le<FileBlock> startoff1;
  le<FileBlock> startoff2;
  le64 blockcount;
  le64 flags;
  le64 isize1;
  le64 isize2;
};

inline constexpr Field sxi_log_format_fields[] = {
    XFSX_FIELD(SxiLogFormat, 0, type, hex, "0x1248, as an XMI; the length tells them apart."),
    XFSX_FIELD(SxiLogFormat, 2, size, decimal, "Regions of the item: 1."),
    XFSX_FIELD(SxiLogFormat, 4, pad, padding, "Zero."),
    XFSX_FIELD(SxiLogFormat, 8, id, hex, "Number by which the done item names the intent."),
    XFSX_FIELD(SxiLogFormat, 16, inode1, inode, "One inode."),
    XFSX_FIELD(SxiLogFormat, 24, inode2, inode, "The other."),
    XFSX_FIELD(SxiLogFormat, 32, startoff1, fileblock,
               "Where in inode1 what is left begins, blocks."),
    XFSX_FIELD(SxiLogFormat, 40, startoff2, fileblock, "Where in inode2."),
    XFSX_FIELD(SxiLogFormat, 48, blockcount, decimal, "Blocks left to exchange."),
    XFSX_FIELD(SxiLogFormat, 56, flags, hex,
               "1 attribute fork, 2 sizes too, 4 written only, 8 and 16 clear the reflink flags."),
    XFSX_FIELD(SxiLogFormat, 64, isize1, decimal, "Size of inode1 afterwards, bytes."),
    XFSX_FIELD(SxiLogFormat, 72, isize2, decimal, "Size of inode2 afterwards, bytes."),
};
XFSX_LAYOUT(SxiLogFormat, "log_sxi", sxi_log_format_fields,
            "The same as an XMI, from before its form was settled: without generations.");

/// Inodes that were made: blocks that replay fills with empty inodes.
struct IcreateLogFormat {
  le16 type;
  le16 size;
  be<AgNumber> ag;
  be<AgBlock> agbno;
  be32 count;
  be32 isize;
  be32 length;
  be32 gen;
};

inline constexpr Field icreate_log_format_fields[] = {
    XFSX_FIELD(IcreateLogFormat, 0, type, hex, "0x123f."),
    XFSX_FIELD(IcreateLogFormat, 2, size, decimal, "Regions of the item: 1."),
    XFSX_FIELD(IcreateLogFormat, 4, ag, agnumber, "AG of the inodes."),
    XFSX_FIELD(IcreateLogFormat, 8, agbno, agblock, "First block."),
    XFSX_FIELD(IcreateLogFormat, 12, count, decimal, "Inodes."),
    XFSX_FIELD(IcreateLogFormat, 16, isize, decimal, "Bytes of an inode."),
    XFSX_FIELD(IcreateLogFormat, 20, length, decimal, "Blocks."),
    XFSX_FIELD(IcreateLogFormat, 24, gen, decimal, "Generation of all of them."),
};
XFSX_LAYOUT(IcreateLogFormat, "log_icreate", icreate_log_format_fields,
            "Inodes that were made: blocks that replay fills with empty inodes.");

/// First region of a quota item; the record follows as it lies on disk.
struct DquotLogFormat {
  le16 type;
  le16 size;
  le32 id;
  le<Daddr> blkno;
  le32 len;
  le32 boffset;
};

inline constexpr Field dquot_log_format_fields[] = {
    XFSX_FIELD(DquotLogFormat, 0, type, hex, "0x123d."),
    XFSX_FIELD(DquotLogFormat, 2, size, decimal, "Regions of the item: 2."),
    XFSX_FIELD(DquotLogFormat, 4, id, decimal, "User, group or project."),
    XFSX_FIELD(DquotLogFormat, 8, blkno, daddr, "Address of the buffer."),
    XFSX_FIELD(DquotLogFormat, 16, len, decimal, "Length of the buffer, filesystem blocks."),
    XFSX_FIELD(DquotLogFormat, 20, boffset, decimal, "Offset of the record in it, bytes."),
};
XFSX_LAYOUT(DquotLogFormat, "log_dquot", dquot_log_format_fields,
            "First region of a quota item; the record follows as it lies on disk.");

/// Quotas that were switched off; written by old kernels.
struct QuotaoffLogFormat {
  le16 type;
  le16 size;
  le32 flags;
  std::array<u8, 12> pad;
};

inline constexpr Field quotaoff_log_format_fields[] = {
    XFSX_FIELD(QuotaoffLogFormat, 0, type, hex, "0x123e."),
    XFSX_FIELD(QuotaoffLogFormat, 2, size, decimal, "Regions of the item: 1."),
    XFSX_FIELD(QuotaoffLogFormat, 4, flags, hex, "1 user, 8 project, 0x40 group."),
    XFSX_FIELD(QuotaoffLogFormat, 8, pad, padding, "Zero."),
};
XFSX_LAYOUT(QuotaoffLogFormat, "log_quotaoff", quotaoff_log_format_fields,
            "Quotas that were switched off; written by old kernels.");

}  // namespace xfsx::inline v0::disk
