#pragma once
// Headers of an allocation group: sectors 1, 2 and 3 of each.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u32 agf_magic = 0x58414746;   // "XAGF"
inline constexpr u32 agi_magic = 0x58414749;   // "XAGI"
inline constexpr u32 agfl_magic = 0x5841464c;  // "XAFL"
inline constexpr u32 agi_unlinked_buckets = 64;

/// Free space header of an allocation group, its second sector.
struct Agf {
  be32 magicnum;
  be32 versionnum;
  be<AgNumber> seqno;
  be32 length;
  be<AgBlock> bnoroot;
  be<AgBlock> cntroot;
  be<AgBlock> rmaproot;
  be32 bnolevel;
  be32 cntlevel;
  be32 rmaplevel;
  be32 flfirst;
  be32 fllast;
  be32 flcount;
  be32 freeblks;
  be32 longest;
  be32 btreeblks;
  Uuid uuid;
  be32 rmapblocks;
  be32 refcntblocks;
  be<AgBlock> refcntroot;
  be32 refcntlevel;
  std::array<be64, 14> spare64;
  be<Lsn> lsn;
  le32 crc;
  be32 spare2;
};

inline constexpr Field agf_fields[] = {
    XFSX_FIELD(Agf, 0, magicnum, hex, "Identifies the sector: XAGF."),
    XFSX_FIELD(Agf, 4, versionnum, decimal, "1."),
    XFSX_FIELD(Agf, 8, seqno, agnumber, "AG that this sector belongs to."),
    XFSX_FIELD(Agf, 12, length, decimal, "Blocks of the AG."),
    XFSX_FIELD(Agf, 16, bnoroot, agblock, "Root of the free space btree by block."),
    XFSX_FIELD(Agf, 20, cntroot, agblock, "Root of the free space btree by length."),
    XFSX_FIELD(Agf, 24, rmaproot, agblock, "Root of the reverse mapping btree."),
    XFSX_FIELD(Agf, 28, bnolevel, decimal, "Height of the btree by block."),
    XFSX_FIELD(Agf, 32, cntlevel, decimal, "Height of the btree by length."),
    XFSX_FIELD(Agf, 36, rmaplevel, decimal, "Height of the reverse mapping btree."),
    XFSX_FIELD(Agf, 40, flfirst, decimal, "First used slot of the AGFL."),
    XFSX_FIELD(Agf, 44, fllast, decimal, "Last used slot of the AGFL."),
    XFSX_FIELD(Agf, 48, flcount, decimal, "Used slots of the AGFL."),
    XFSX_FIELD(Agf, 52, freeblks, decimal, "Free blocks in the btrees."),
    XFSX_FIELD(Agf, 56, longest, decimal, "Longest free extent, blocks."),
    XFSX_FIELD(Agf, 60, btreeblks, decimal,
               "Blocks of the free space and reverse mapping btrees beyond their roots."),
    XFSX_FIELD(Agf, 64, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(Agf, 80, rmapblocks, decimal, "Blocks of the reverse mapping btree."),
    XFSX_FIELD(Agf, 84, refcntblocks, decimal, "Blocks of the reference count btree."),
    XFSX_FIELD(Agf, 88, refcntroot, agblock, "Root of the reference count btree."),
    XFSX_FIELD(Agf, 92, refcntlevel, decimal, "Height of the reference count btree."),
    XFSX_FIELD(Agf, 96, spare64, padding, "Reserved."),
    XFSX_FIELD(Agf, 208, lsn, lsn, "Last checkpoint that wrote the sector."),
    XFSX_FIELD(Agf, 216, crc, crc, "CRC32c of the sector."),
    XFSX_FIELD(Agf, 220, spare2, padding, "Reserved."),
};
XFSX_LAYOUT(Agf, "agf", agf_fields, "Free space header of an allocation group, its second sector.");

/// Inode header of an allocation group, its third sector.
struct Agi {
  be32 magicnum;
  be32 versionnum;
  be<AgNumber> seqno;
  be32 length;
  be32 count;
  be<AgBlock> root;
  be32 level;
  be32 freecount;
  be<AgInode> newino;
  be<AgInode> dirino;
  std::array<be<AgInode>, agi_unlinked_buckets> unlinked;
  Uuid uuid;
  le32 crc;
  be32 pad32;
  be<Lsn> lsn;
  be<AgBlock> free_root;
  be32 free_level;
  be32 ino_blocks;
  be32 fino_blocks;
};

inline constexpr Field agi_fields[] = {
    XFSX_FIELD(Agi, 0, magicnum, hex, "Identifies the sector: XAGI."),
    XFSX_FIELD(Agi, 4, versionnum, decimal, "1."),
    XFSX_FIELD(Agi, 8, seqno, agnumber, "AG that this sector belongs to."),
    XFSX_FIELD(Agi, 12, length, decimal, "Blocks of the AG."),
    XFSX_FIELD(Agi, 16, count, decimal, "Inodes allocated."),
    XFSX_FIELD(Agi, 20, root, agblock, "Root of the inode btree."),
    XFSX_FIELD(Agi, 24, level, decimal, "Height of the inode btree."),
    XFSX_FIELD(Agi, 28, freecount, decimal, "Inodes free."),
    XFSX_FIELD(Agi, 32, newino, agino, "Last chunk that was allocated."),
    XFSX_FIELD(Agi, 36, dirino, agino, "Unused, all ones."),
    XFSX_FIELD(Agi, 40, unlinked, agino, "Heads of the lists of unlinked inodes."),
    XFSX_FIELD(Agi, 296, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(Agi, 312, crc, crc, "CRC32c of the sector."),
    XFSX_FIELD(Agi, 316, pad32, padding, "Zero."),
    XFSX_FIELD(Agi, 320, lsn, lsn, "Last checkpoint that wrote the sector."),
    XFSX_FIELD(Agi, 328, free_root, agblock, "Root of the free inode btree."),
    XFSX_FIELD(Agi, 332, free_level, decimal, "Height of the free inode btree."),
    XFSX_FIELD(Agi, 336, ino_blocks, decimal, "Blocks of the inode btree."),
    XFSX_FIELD(Agi, 340, fino_blocks, decimal, "Blocks of the free inode btree."),
};
XFSX_LAYOUT(Agi, "agi", agi_fields, "Inode header of an allocation group, its third sector.");

/// Free list of an allocation group, its fourth sector; the block numbers follow.
struct Agfl {
  be32 magicnum;
  be<AgNumber> seqno;
  Uuid uuid;
  be<Lsn> lsn;
  le32 crc;
};

inline constexpr Field agfl_fields[] = {
    XFSX_FIELD(Agfl, 0, magicnum, hex, "Identifies the sector: XAFL."),
    XFSX_FIELD(Agfl, 4, seqno, agnumber, "AG that this sector belongs to."),
    XFSX_FIELD(Agfl, 8, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(Agfl, 24, lsn, lsn, "Last checkpoint that wrote the sector."),
    XFSX_FIELD(Agfl, 32, crc, crc, "CRC32c of the sector."),
};
XFSX_LAYOUT(Agfl, "agfl", agfl_fields,
            "Free list of an allocation group, its fourth sector; the block numbers follow.");

}  // namespace xfsx::inline v0::disk
