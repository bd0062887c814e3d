#pragma once
// The inode core; the literal area with the forks follows. Version 3 has 176 bytes, the versions
// before it, which version 4 filesystems have, the first 100 of them. Times are 8 bytes whose form
// the BIGTIME flag of the inode decides. Where the NREXT64 flag is set, extent counters
// lie elsewhere: the data fork's at 24 (8 bytes), the attribute fork's at 76 (4 bytes).

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u16 inode_magic = 0x494e;  // "IN"

/// Formats of a fork.
enum class ForkFormat : u8 { dev = 0, local = 1, extents = 2, btree = 3, uuid = 4, meta_btree = 5 };

/// Bits of `flags`.
namespace inode_flag {
inline constexpr u16 realtime = 1U << 0;
inline constexpr u16 prealloc = 1U << 1;
inline constexpr u16 immutable = 1U << 3;
inline constexpr u16 append = 1U << 4;
inline constexpr u16 sync = 1U << 5;
inline constexpr u16 noatime = 1U << 6;
inline constexpr u16 nodump = 1U << 7;
inline constexpr u16 nosymlinks = 1U << 10;
inline constexpr u16 extsize = 1U << 11;
inline constexpr u16 extszinherit = 1U << 12;
inline constexpr u16 nodefrag = 1U << 13;
/// Those that files, and directories, of the tree of metadata have.
inline constexpr u16 of_metadata = immutable | sync | noatime | nodump | nodefrag;
inline constexpr u16 of_metadata_directory = of_metadata | nosymlinks;
}  // namespace inode_flag

/// Bits of `flags2`.
namespace inode_flag2 {
inline constexpr u64 dax = 1U << 0;
inline constexpr u64 reflink = 1U << 1;
inline constexpr u64 cowextsize = 1U << 2;
inline constexpr u64 bigtime = 1U << 3;
inline constexpr u64 nrext64 = 1U << 4;
inline constexpr u64 metadata = 1U << 5;
}  // namespace inode_flag2

/// What a metadata inode is for: `metatype` where the metadata flag is set.
enum class MetaType : u16 {
  unknown = 0,
  directory = 1,
  user_quota = 2,
  group_quota = 3,
  project_quota = 4,
  rt_bitmap = 5,
  rt_summary = 6,
  rt_rmap = 7,
  rt_refcount = 8,
};
inline constexpr u16 meta_type_end = 9;

/// The inode core, version 3.
struct Dinode {
  be16 magic;
  be16 mode;
  u8 version;
  u8 format;
  be16 metatype;
  be32 uid;
  be32 gid;
  be32 nlinkv2;
  be16 projid_lo;
  be16 projid_hi;
  be64 nrext64_nextents;
  be64 atime;
  be64 mtime;
  be64 ctime;
  be64 size;
  be64 nblocks;
  be32 extsize;
  be32 nextents;
  be16 naextents;
  u8 forkoff;
  u8 aformat;
  be32 dmevmask;
  be16 dmstate;
  be16 flags;
  be32 gen;
  be<AgInode> next_unlinked;
  le32 crc;
  be64 change_count;
  be<Lsn> lsn;
  be64 flags2;
  be32 cowextsize;
  std::array<u8, 12> pad2;
  be64 crtime;
  be<InodeNumber> inumber;
  Uuid uuid;
};

inline constexpr Field dinode_fields[] = {
    XFSX_FIELD(Dinode, 0, magic, hex, "Identifies the inode: IN."),
    XFSX_FIELD(Dinode, 2, mode, hex, "File type and permissions; 0 for a free inode."),
    XFSX_FIELD(Dinode, 4, version, decimal, "3."),
    XFSX_FIELD(Dinode, 5, format, decimal, "Format of the data fork."),
    XFSX_FIELD(Dinode, 6, metatype, decimal, "Kind of a metadata inode."),
    XFSX_FIELD(Dinode, 8, uid, decimal, "Owner."),
    XFSX_FIELD(Dinode, 12, gid, decimal, "Group."),
    XFSX_FIELD(Dinode, 16, nlinkv2, decimal, "Links."),
    XFSX_FIELD(Dinode, 20, projid_lo, decimal, "Project, low half."),
    XFSX_FIELD(Dinode, 22, projid_hi, decimal, "Project, high half."),
    XFSX_FIELD(Dinode, 24, nrext64_nextents, decimal,
               "Extents of the data fork if NREXT64 is set, otherwise zero."),
    XFSX_FIELD(Dinode, 32, atime, timestamp, "Last access."),
    XFSX_FIELD(Dinode, 40, mtime, timestamp, "Last change of the contents."),
    XFSX_FIELD(Dinode, 48, ctime, timestamp, "Last change of the inode."),
    XFSX_FIELD(Dinode, 56, size, decimal, "Bytes."),
    XFSX_FIELD(Dinode, 64, nblocks, decimal, "Blocks of both forks, btree blocks included."),
    XFSX_FIELD(Dinode, 72, extsize, decimal, "Extent size hint, blocks."),
    XFSX_FIELD(Dinode, 76, nextents, decimal,
               "Extents of the data fork; with NREXT64, of the attribute fork."),
    XFSX_FIELD(Dinode, 80, naextents, decimal, "Extents of the attribute fork; with NREXT64 zero."),
    XFSX_FIELD(Dinode, 82, forkoff, decimal,
               "Start of the attribute fork in the literal area, 8 bytes; 0 for none."),
    XFSX_FIELD(Dinode, 83, aformat, decimal, "Format of the attribute fork."),
    XFSX_FIELD(Dinode, 84, dmevmask, hex, "Unused."),
    XFSX_FIELD(Dinode, 88, dmstate, decimal, "Unused."),
    XFSX_FIELD(Dinode, 90, flags, hex, "Flags."),
    XFSX_FIELD(Dinode, 92, gen, decimal, "Generation."),
    XFSX_FIELD(Dinode, 96, next_unlinked, agino,
               "Next inode of the unlinked list; all ones for none."),
    XFSX_FIELD(Dinode, 100, crc, crc, "CRC32c of the inode."),
    XFSX_FIELD(Dinode, 104, change_count, decimal, "Counts changes."),
    XFSX_FIELD(Dinode, 112, lsn, lsn, "Last checkpoint that wrote the inode."),
    XFSX_FIELD(Dinode, 120, flags2, hex, "More flags."),
    XFSX_FIELD(Dinode, 128, cowextsize, decimal, "Copy-on-write extent size hint, blocks."),
    XFSX_FIELD(Dinode, 132, pad2, padding, "Zero."),
    XFSX_FIELD(Dinode, 144, crtime, timestamp, "Creation."),
    XFSX_FIELD(Dinode, 152, inumber, inode, "Own number."),
    XFSX_FIELD(Dinode, 160, uuid, uuid, "Metadata UUID of the filesystem."),
};
XFSX_LAYOUT(Dinode, "inode", dinode_fields, "The inode core, version 3.");

/// The inode core, versions 1 and 2: 100 bytes.
struct DinodeV2 {
  be16 magic;
  be16 mode;
  u8 version;
  u8 format;
  be16 onlink;
  be32 uid;
  be32 gid;
  be32 nlinkv2;
  be16 projid_lo;
  be16 projid_hi;
  std::array<u8, 6> pad;
  be16 flushiter;
  be64 atime;
  be64 mtime;
  be64 ctime;
  be64 size;
  be64 nblocks;
  be32 extsize;
  be32 nextents;
  be16 naextents;
  u8 forkoff;
  u8 aformat;
  be32 dmevmask;
  be16 dmstate;
  be16 flags;
  be32 gen;
  be<AgInode> next_unlinked;
};

inline constexpr Field dinode_v2_fields[] = {
    XFSX_FIELD(DinodeV2, 0, magic, hex, "Identifies the inode: IN."),
    XFSX_FIELD(DinodeV2, 2, mode, hex, "File type and permissions; 0 for a free inode."),
    XFSX_FIELD(DinodeV2, 4, version, decimal, "2; 1 where links are counted in 16 bits."),
    XFSX_FIELD(DinodeV2, 5, format, decimal, "Format of the data fork."),
    XFSX_FIELD(DinodeV2, 6, onlink, decimal, "Links of version 1."),
    XFSX_FIELD(DinodeV2, 8, uid, decimal, "Owner."),
    XFSX_FIELD(DinodeV2, 12, gid, decimal, "Group."),
    XFSX_FIELD(DinodeV2, 16, nlinkv2, decimal, "Links of version 2."),
    XFSX_FIELD(DinodeV2, 20, projid_lo, decimal, "Project, low half."),
    XFSX_FIELD(DinodeV2, 22, projid_hi, decimal, "Project, high half, with PROJID32."),
    XFSX_FIELD(DinodeV2, 24, pad, padding, "Zero."),
    XFSX_FIELD(DinodeV2, 30, flushiter, decimal,
               "Counts writes of the inode: tells replay which copy is newer."),
    XFSX_FIELD(DinodeV2, 32, atime, timestamp, "Last access."),
    XFSX_FIELD(DinodeV2, 40, mtime, timestamp, "Last change of the contents."),
    XFSX_FIELD(DinodeV2, 48, ctime, timestamp, "Last change of the inode."),
    XFSX_FIELD(DinodeV2, 56, size, decimal, "Bytes."),
    XFSX_FIELD(DinodeV2, 64, nblocks, decimal, "Blocks of both forks, btree blocks included."),
    XFSX_FIELD(DinodeV2, 72, extsize, decimal, "Extent size hint, blocks."),
    XFSX_FIELD(DinodeV2, 76, nextents, decimal, "Extents of the data fork."),
    XFSX_FIELD(DinodeV2, 80, naextents, decimal, "Extents of the attribute fork."),
    XFSX_FIELD(DinodeV2, 82, forkoff, decimal,
               "Start of the attribute fork in the literal area, 8 bytes; 0 for none."),
    XFSX_FIELD(DinodeV2, 83, aformat, decimal, "Format of the attribute fork."),
    XFSX_FIELD(DinodeV2, 84, dmevmask, hex, "Unused."),
    XFSX_FIELD(DinodeV2, 88, dmstate, decimal, "Unused."),
    XFSX_FIELD(DinodeV2, 90, flags, hex, "Flags."),
    XFSX_FIELD(DinodeV2, 92, gen, decimal, "Generation."),
    XFSX_FIELD(DinodeV2, 96, next_unlinked, agino,
               "Next inode of the unlinked list; all ones for none."),
};
XFSX_LAYOUT(DinodeV2, "inode_v2", dinode_v2_fields, "The inode core, versions 1 and 2.");

}  // namespace xfsx::inline v0::disk
