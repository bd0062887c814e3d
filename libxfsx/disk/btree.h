#pragma once
// Btree blocks. Short form: inside an AG, 32-bit pointers. Long form: rooted in an inode, 64-bit
// pointers. A leaf holds records from the end of the header on; a node holds keys there, and its
// pointers start after room for as many keys as fit, wherever the number of records is.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u32 inobt_magic = 0x49414233;       // "IAB3"
inline constexpr u32 bmbt_magic = 0x424d4133;        // "BMA3"
inline constexpr u32 refcountbt_magic = 0x52334643;  // "R3FC"

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

/// Root of a block mapping btree inside an inode fork; keys and pointers follow.
struct BmdrBlock {
  be16 level;
  be16 numrecs;
};

inline constexpr Field bmdr_block_fields[] = {
    XFSX_FIELD(BmdrBlock, 0, level, decimal, "At least 1."),
    XFSX_FIELD(BmdrBlock, 2, numrecs, decimal, "Keys in use."),
};
XFSX_LAYOUT(BmdrBlock, "bmdr", bmdr_block_fields,
            "Root of a block mapping btree inside an inode fork; keys and pointers follow.");

/// Key of the block mapping btree.
struct BmbtKey {
  be<FileBlock> startoff;
};

inline constexpr Field bmbt_key_fields[] = {
    XFSX_FIELD(BmbtKey, 0, startoff, fileblock, "Lowest file offset below the pointer, blocks."),
};
XFSX_LAYOUT(BmbtKey, "bmbt_key", bmbt_key_fields, "Key of the block mapping btree.");

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
XFSX_LAYOUT(RefcountRecord, "refcbt_rec", refcount_record_fields,
            "A run of blocks that more than one owner shares.");

/// Key of the reference count btree.
struct RefcountKey {
  be32 startblock;
};

inline constexpr Field refcount_key_fields[] = {
    XFSX_FIELD(RefcountKey, 0, startblock, hex, "First block below the pointer, with its CoW bit."),
};
XFSX_LAYOUT(RefcountKey, "refcbt_key", refcount_key_fields, "Key of the reference count btree.");

/// A mapping as it lies on disk: 128 bits, most significant first.
struct BmbtRecord {
  be64 l0;
  be64 l1;
};

inline constexpr BitField bmbt_record_bits[] = {
    {"extentflag", 0, 1, Show::decimal, "1: allocated but unwritten."},
    {"startoff", 1, 54, Show::fileblock, "First file block."},
    {"startblock", 55, 52, Show::fsblock, "First block on disk."},
    {"blockcount", 107, 21, Show::decimal, "Blocks, at least 1."},
};
static_assert(covers_bits(bmbt_record_bits, sizeof(BmbtRecord)));

inline constexpr Field bmbt_record_fields[] = {
    XFSX_FIELD(BmbtRecord, 0, l0, hex, "Flag, file offset, and the top of the start block."),
    XFSX_FIELD(BmbtRecord, 8, l1, hex, "The rest of the start block, and the length."),
};
XFSX_LAYOUT(BmbtRecord, "bmbt_rec", bmbt_record_fields, "A mapping of a fork, packed.");

}  // namespace xfsx::inline v0::disk
