#pragma once
// Btree blocks. Short form: inside an AG, 32-bit pointers. Long form: rooted in an inode, 64-bit
// pointers. A leaf holds records from the end of the header on; a node holds keys there, and its
// pointers start after room for as many keys as fit, wherever the number of records is.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u32 bnobt_magic = 0x41423342;         // "AB3B"
inline constexpr u32 cntbt_magic = 0x41423343;         // "AB3C"
inline constexpr u32 inobt_magic = 0x49414233;         // "IAB3"
inline constexpr u32 finobt_magic = 0x46494233;        // "FIB3"
inline constexpr u32 rmapbt_magic = 0x524d4233;        // "RMB3"
inline constexpr u32 refcountbt_magic = 0x52334643;    // "R3FC"
inline constexpr u32 bmbt_magic = 0x424d4133;          // "BMA3"
inline constexpr u32 rtrmapbt_magic = 0x4d415052;      // "MAPR"
inline constexpr u32 rtrefcountbt_magic = 0x52434e54;  // "RCNT"
inline constexpr u32 bnobt_magic_v4 = 0x41425442;      // "ABTB"
inline constexpr u32 cntbt_magic_v4 = 0x41425443;      // "ABTC"
inline constexpr u32 inobt_magic_v4 = 0x49414254;      // "IABT"
inline constexpr u32 bmbt_magic_v4 = 0x424d4150;       // "BMAP"

// Version 4 has no more of a header than what version 5 begins with too.

/// Header of a btree block inside an AG, version 4.
struct BtreeShortBlockV4 {
  be32 magic;
  be16 level;
  be16 numrecs;
  be<AgBlock> leftsib;
  be<AgBlock> rightsib;
};

inline constexpr Field btree_short_block_v4_fields[] = {
    XFSX_FIELD(BtreeShortBlockV4, 0, magic, hex, "Says which tree."),
    XFSX_FIELD(BtreeShortBlockV4, 4, level, decimal, "0 in a leaf."),
    XFSX_FIELD(BtreeShortBlockV4, 6, numrecs, decimal, "Records, or keys, in use."),
    XFSX_FIELD(BtreeShortBlockV4, 8, leftsib, agblock, "Left neighbour; all ones for none."),
    XFSX_FIELD(BtreeShortBlockV4, 12, rightsib, agblock, "Right neighbour; all ones for none."),
};
XFSX_LAYOUT(BtreeShortBlockV4, "btree_short_v4", btree_short_block_v4_fields,
            "Header of a btree block inside an AG, version 4.");

/// Header of a btree block that is rooted in an inode, version 4.
struct BtreeLongBlockV4 {
  be32 magic;
  be16 level;
  be16 numrecs;
  be<FsBlock> leftsib;
  be<FsBlock> rightsib;
};

inline constexpr Field btree_long_block_v4_fields[] = {
    XFSX_FIELD(BtreeLongBlockV4, 0, magic, hex, "Says which tree."),
    XFSX_FIELD(BtreeLongBlockV4, 4, level, decimal, "0 in a leaf."),
    XFSX_FIELD(BtreeLongBlockV4, 6, numrecs, decimal, "Records, or keys, in use."),
    XFSX_FIELD(BtreeLongBlockV4, 8, leftsib, fsblock, "Left neighbour; all ones for none."),
    XFSX_FIELD(BtreeLongBlockV4, 16, rightsib, fsblock, "Right neighbour; all ones for none."),
};
XFSX_LAYOUT(BtreeLongBlockV4, "btree_long_v4", btree_long_block_v4_fields,
            "Header of a btree block that is rooted in an inode, version 4.");

/// Header of a btree block inside an AG.
struct BtreeShortBlock {
  be32 magic;
  be16 level;
  be16 numrecs;
  be<AgBlock> leftsib;
  be<AgBlock> rightsib;
  be<Daddr> bno;
  be<Lsn> lsn;
  Uuid uuid;
  be<AgNumber> owner;
  le32 crc;
};

inline constexpr Field btree_short_block_fields[] = {
    XFSX_FIELD(BtreeShortBlock, 0, magic, hex, "Says which tree."),
    XFSX_FIELD(BtreeShortBlock, 4, level, decimal, "0 in a leaf."),
    XFSX_FIELD(BtreeShortBlock, 6, numrecs, decimal, "Records, or keys, in use."),
    XFSX_FIELD(BtreeShortBlock, 8, leftsib, agblock, "Left neighbour; all ones for none."),
    XFSX_FIELD(BtreeShortBlock, 12, rightsib, agblock, "Right neighbour; all ones for none."),
    XFSX_FIELD(BtreeShortBlock, 16, bno, daddr, "Own address."),
    XFSX_FIELD(BtreeShortBlock, 24, lsn, lsn, "Last checkpoint that wrote the block."),
    XFSX_FIELD(BtreeShortBlock, 32, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(BtreeShortBlock, 48, owner, agnumber, "AG that this block belongs to."),
    XFSX_FIELD(BtreeShortBlock, 52, crc, crc, "CRC32c of the block."),
};
XFSX_LAYOUT(BtreeShortBlock, "btree_short", btree_short_block_fields,
            "Header of a btree block inside an AG.");

/// Header of a btree block that is rooted in an inode.
struct BtreeLongBlock {
  be32 magic;
  be16 level;
  be16 numrecs;
  be<FsBlock> leftsib;
  be<FsBlock> rightsib;
  be<Daddr> bno;
  be<Lsn> lsn;
  Uuid uuid;
  be<InodeNumber> owner;
  le32 crc;
  be32 pad;
};

inline constexpr Field btree_long_block_fields[] = {
    XFSX_FIELD(BtreeLongBlock, 0, magic, hex, "Says which tree."),
    XFSX_FIELD(BtreeLongBlock, 4, level, decimal, "0 in a leaf."),
    XFSX_FIELD(BtreeLongBlock, 6, numrecs, decimal, "Records, or keys, in use."),
    XFSX_FIELD(BtreeLongBlock, 8, leftsib, fsblock, "Left neighbour; all ones for none."),
    XFSX_FIELD(BtreeLongBlock, 16, rightsib, fsblock, "Right neighbour; all ones for none."),
    XFSX_FIELD(BtreeLongBlock, 24, bno, daddr, "Own address."),
    XFSX_FIELD(BtreeLongBlock, 32, lsn, lsn, "Last checkpoint that wrote the block."),
    XFSX_FIELD(BtreeLongBlock, 40, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(BtreeLongBlock, 56, owner, inode, "Inode that this block belongs to."),
    XFSX_FIELD(BtreeLongBlock, 64, crc, crc, "CRC32c of the block."),
    XFSX_FIELD(BtreeLongBlock, 68, pad, padding, "Zero."),
};
XFSX_LAYOUT(BtreeLongBlock, "btree_long", btree_long_block_fields,
            "Header of a btree block that is rooted in an inode.");

/// Root of a btree inside an inode fork; keys and pointers follow, in roots of level 0 records.
struct BmdrBlock {
  be16 level;
  be16 numrecs;
};

inline constexpr Field bmdr_block_fields[] = {
    XFSX_FIELD(BmdrBlock, 0, level, decimal, "At least 1 in block mapping btrees."),
    XFSX_FIELD(BmdrBlock, 2, numrecs, decimal, "Keys, or records, in use."),
};
XFSX_LAYOUT(BmdrBlock, "bmdr", bmdr_block_fields,
            "Root of a btree inside an inode fork; keys and pointers follow, in roots of level 0 "
            "records.");

/// Key of the block mapping btree.
struct BmbtKey {
  be<FileBlock> startoff;
};

inline constexpr Field bmbt_key_fields[] = {
    XFSX_FIELD(BmbtKey, 0, startoff, fileblock, "Lowest file offset below the pointer, blocks."),
};
XFSX_LAYOUT(BmbtKey, "bmbt_key", bmbt_key_fields, "Key of the block mapping btree.");

/// A run of free blocks, and a key of either tree that holds such runs: one is sorted by start, the
/// other by length and then start.
struct AllocRecord {
  be<AgBlock> startblock;
  be32 blockcount;
};

inline constexpr Field alloc_record_fields[] = {
    XFSX_FIELD(AllocRecord, 0, startblock, agblock, "First block."),
    XFSX_FIELD(AllocRecord, 4, blockcount, decimal, "Blocks, at least 1."),
};
XFSX_LAYOUT(AllocRecord, "alloc_rec", alloc_record_fields,
            "A run of free blocks; record and key of both free space btrees.");

// On filesystems without sparse chunks, bytes 4 to 7 are one 32-bit free count whose upper three
// bytes are zero: the last byte is the count in both forms.

/// A chunk of 64 inodes.
struct InobtRecord {
  be<AgInode> startino;
  be16 holemask;
  u8 count;
  u8 freecount;
  be64 free;
};

inline constexpr Field inobt_record_fields[] = {
    XFSX_FIELD(InobtRecord, 0, startino, agino, "First inode of the chunk."),
    XFSX_FIELD(InobtRecord, 4, holemask, hex,
               "Bit n: inodes 4n to 4n+3 do not exist (sparse chunks)."),
    XFSX_FIELD(InobtRecord, 6, count, decimal, "Inodes that exist (sparse chunks)."),
    XFSX_FIELD(InobtRecord, 7, freecount, decimal, "Inodes that are free."),
    XFSX_FIELD(InobtRecord, 8, free, hex, "Bit n: inode n is free, or does not exist."),
};
XFSX_LAYOUT(InobtRecord, "inobt_rec", inobt_record_fields, "A chunk of 64 inodes.");

/// Key of the inode btrees.
struct InobtKey {
  be<AgInode> startino;
};

inline constexpr Field inobt_key_fields[] = {
    XFSX_FIELD(InobtKey, 0, startino, agino, "First inode below the pointer."),
};
XFSX_LAYOUT(InobtKey, "inobt_key", inobt_key_fields, "Key of the inode btrees.");

/// A run of blocks that more than one owner shares. The top bit of the start block marks space that
/// waits for a copy-on-write; its count is 1.
struct RefcountRecord {
  be32 startblock;
  be32 blockcount;
  be32 refcount;
};

inline constexpr Field refcount_record_fields[] = {
    XFSX_FIELD(RefcountRecord, 0, startblock, hex, "First block; the top bit marks CoW staging."),
    XFSX_FIELD(RefcountRecord, 4, blockcount, decimal, "Blocks."),
    XFSX_FIELD(RefcountRecord, 8, refcount, decimal, "Owners."),
};
inline constexpr BitField refcount_record_bits[] = {
    {"cowflag", 0, 1, Show::decimal, "1: staging of a copy-on-write, whose count is 1."},
    {"startblock", 1, 31, Show::decimal, "First block."},
    {"blockcount", 32, 32, Show::decimal, "Blocks, at least 1."},
    {"refcount", 64, 32, Show::decimal, "Owners, at least 2."},
};
XFSX_LAYOUT_PACKED(RefcountRecord, "refcbt_rec", refcount_record_fields, refcount_record_bits,
                   "A run of blocks that more than one owner shares.");

/// Key of the reference count btree.
struct RefcountKey {
  be32 startblock;
};

inline constexpr Field refcount_key_fields[] = {
    XFSX_FIELD(RefcountKey, 0, startblock, hex, "First block below the pointer, with its CoW bit."),
};
inline constexpr BitField refcount_key_bits[] = {
    {"cowflag", 0, 1, Show::decimal, "1: staging of a copy-on-write."},
    {"startblock", 1, 31, Show::decimal, "First block below the pointer."},
};
XFSX_LAYOUT_PACKED(RefcountKey, "refcbt_key", refcount_key_fields, refcount_key_bits,
                   "Key of the reference count btree.");

/// Owners of blocks that are no inode's, as the 64-bit numbers that lie on disk.
namespace rmap_owner {
inline constexpr u64 fs = ~u64{2};        ///< -3: superblocks and AG headers
inline constexpr u64 log = ~u64{3};       ///< -4: the internal log
inline constexpr u64 ag = ~u64{4};        ///< -5: free space and reverse mapping btrees, free list
inline constexpr u64 inobt = ~u64{5};     ///< -6: the inode btrees
inline constexpr u64 inodes = ~u64{6};    ///< -7: inode chunks
inline constexpr u64 refcount = ~u64{7};  ///< -8: the reference count btree
inline constexpr u64 cow = ~u64{8};       ///< -9: staging of a copy-on-write
}  // namespace rmap_owner

/// Flags in the top bits of a reverse mapping's offset.
namespace rmap_flag {
inline constexpr u64 attr_fork = u64{1} << 63;
inline constexpr u64 bmbt_block = u64{1} << 62;
inline constexpr u64 unwritten = u64{1} << 61;
inline constexpr u64 offset_mask = (u64{1} << 54) - 1;
}  // namespace rmap_flag

/// Who owns a run of blocks. Runs of different owners overlap where blocks are shared.
struct RmapRecord {
  be<AgBlock> startblock;
  be32 blockcount;
  be64 owner;
  be64 offset;
};

inline constexpr Field rmap_record_fields[] = {
    XFSX_FIELD(RmapRecord, 0, startblock, agblock, "First block."),
    XFSX_FIELD(RmapRecord, 4, blockcount, decimal, "Blocks, at least 1."),
    XFSX_FIELD(RmapRecord, 8, owner, owner, "Inode, or -3 to -9 for the filesystem's own."),
    XFSX_FIELD(RmapRecord, 16, offset, hex, "Flags, and the offset in the owner's fork."),
};
inline constexpr BitField rmap_record_bits[] = {
    {"startblock", 0, 32, Show::agblock, "First block."},
    {"blockcount", 32, 32, Show::decimal, "Blocks, at least 1."},
    {"owner", 64, 64, Show::owner, "Inode, or -3 to -9 for the filesystem's own."},
    {"attrfork", 128, 1, Show::decimal, "1: of the attribute fork."},
    {"bmbtblock", 129, 1, Show::decimal, "1: blocks of the fork's mapping btree."},
    {"extentflag", 130, 1, Show::decimal, "1: allocated but unwritten."},
    {"reserved", 131, 7, Show::padding, "Zero."},
    {"offset", 138, 54, Show::fileblock, "First file block; 0 where there is none."},
};
XFSX_LAYOUT_PACKED(RmapRecord, "rmapbt_rec", rmap_record_fields, rmap_record_bits,
                   "Who owns a run of blocks.");

/// Key of the reverse mapping btree: the lowest record below the pointer, and the highest block,
/// owner and offset that any record below the pointer reaches. The unwritten flag is left out.
struct RmapKey {
  be<AgBlock> startblock;
  be64 owner;
  be64 offset;
  be<AgBlock> startblock_hi;
  be64 owner_hi;
  be64 offset_hi;
};

inline constexpr Field rmap_key_fields[] = {
    XFSX_FIELD(RmapKey, 0, startblock, agblock, "First block of the lowest record."),
    XFSX_FIELD(RmapKey, 4, owner, owner, "Its owner."),
    XFSX_FIELD(RmapKey, 12, offset, hex, "Its flags and offset."),
    XFSX_FIELD(RmapKey, 20, startblock_hi, agblock, "Last block that a record reaches."),
    XFSX_FIELD(RmapKey, 24, owner_hi, owner, "The owner of that record."),
    XFSX_FIELD(RmapKey, 32, offset_hi, hex, "The flags and the last offset of that record."),
};
inline constexpr BitField rmap_key_bits[] = {
    {"startblock", 0, 32, Show::agblock, "First block of the lowest record."},
    {"owner", 32, 64, Show::owner, "Its owner."},
    {"attrfork", 96, 1, Show::decimal, "1: of the attribute fork."},
    {"bmbtblock", 97, 1, Show::decimal, "1: blocks of the fork's mapping btree."},
    {"extentflag", 98, 1, Show::decimal, "0 in keys."},
    {"reserved", 99, 7, Show::padding, "Zero."},
    {"offset", 106, 54, Show::fileblock, "Its first file block."},
    {"startblock_hi", 160, 32, Show::agblock, "Last block that a record reaches."},
    {"owner_hi", 192, 64, Show::owner, "The owner of that record."},
    {"attrfork_hi", 256, 1, Show::decimal, "1: of the attribute fork."},
    {"bmbtblock_hi", 257, 1, Show::decimal, "1: blocks of the fork's mapping btree."},
    {"extentflag_hi", 258, 1, Show::decimal, "0 in keys."},
    {"reserved_hi", 259, 7, Show::padding, "Zero."},
    {"offset_hi", 266, 54, Show::fileblock, "The last file block of that record."},
};
XFSX_LAYOUT_PACKED(RmapKey, "rmapbt_key", rmap_key_fields, rmap_key_bits,
                   "Low and high key of the reverse mapping btree.");

/// A mapping as it lies on disk: 128 bits, most significant first.
struct BmbtRecord {
  be64 l0;
  be64 l1;
};

inline constexpr Field bmbt_record_fields[] = {
    XFSX_FIELD(BmbtRecord, 0, l0, hex, "Flag, file offset, and the top of the start block."),
    XFSX_FIELD(BmbtRecord, 8, l1, hex, "The rest of the start block, and the length."),
};
inline constexpr BitField bmbt_record_bits[] = {
    {"extentflag", 0, 1, Show::decimal, "1: allocated but unwritten."},
    {"startoff", 1, 54, Show::fileblock, "First file block."},
    {"startblock", 55, 52, Show::fsblock, "First block on disk."},
    {"blockcount", 107, 21, Show::decimal, "Blocks, at least 1."},
};
XFSX_LAYOUT_PACKED(BmbtRecord, "bmbt_rec", bmbt_record_fields, bmbt_record_bits,
                   "A mapping of a fork, packed.");

}  // namespace xfsx::inline v0::disk
