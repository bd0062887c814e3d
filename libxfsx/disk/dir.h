#pragma once
// Directories. A small one lies in the inode (short form). Otherwise entries lie in data blocks,
// from byte 0 of the directory's address space on, and an index by the hash of the name leads to
// them: at the end of the only block (block form), in one leaf at 32 GiB (leaf form), or in a tree
// of nodes and leaves there, with an index of free space at 64 GiB (node form).

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u32 dir_block_magic = 0x58444233;  // "XDB3"
inline constexpr u32 dir_data_magic = 0x58444433;   // "XDD3"
inline constexpr u32 dir_free_magic = 0x58444633;   // "XDF3"
inline constexpr u16 dir_leaf1_magic = 0x3df1;
inline constexpr u16 dir_leafn_magic = 0x3dff;
inline constexpr u16 da_node_magic = 0x3ebe;
inline constexpr u32 dir_block_magic_v4 = 0x58443242;  // "XD2B"
inline constexpr u32 dir_data_magic_v4 = 0x58443244;   // "XD2D"
inline constexpr u32 dir_free_magic_v4 = 0x58443246;   // "XD2F"
inline constexpr u16 dir_leaf1_magic_v4 = 0xd2f1;
inline constexpr u16 dir_leafn_magic_v4 = 0xd2ff;
inline constexpr u16 da_node_magic_v4 = 0xfebe;

/// Byte addresses where the parts of a directory begin.
inline constexpr u64 dir_leaf_start = u64{1} << 35;
inline constexpr u64 dir_free_start = u64{1} << 36;

/// Stands where an unused region begins.
inline constexpr u16 dir_unused_tag = 0xffff;
/// In the free index: the data block does not exist.
inline constexpr u16 dir_no_block = 0xffff;
/// Height of the tallest index tree.
inline constexpr u32 da_max_depth = 5;

/// Values of the file type byte.
enum class DirFileType : u8 {
  unknown,
  regular,
  directory,
  character,
  block,
  fifo,
  socket,
  symlink,
  whiteout,
};
inline constexpr u8 dir_file_type_max = 8;

/// Start of a short form directory. The parent follows, 4 bytes, or 8 if `i8count` is not 0; all
/// inode numbers of the directory have that width.
struct DirShortHeader {
  u8 count;
  u8 i8count;
};

inline constexpr Field dir_short_header_fields[] = {
    XFSX_FIELD(DirShortHeader, 0, count, decimal, "Entries."),
    XFSX_FIELD(DirShortHeader, 1, i8count, decimal, "Inode numbers that need 8 bytes."),
};
XFSX_LAYOUT(DirShortHeader, "dir_sf_hdr", dir_short_header_fields,
            "Start of a short form directory.");

/// Start of a short form entry; the name, a file type byte and the inode number follow.
struct DirShortEntry {
  u8 namelen;
  be16 offset;
};

inline constexpr Field dir_short_entry_fields[] = {
    XFSX_FIELD(DirShortEntry, 0, namelen, decimal, "Bytes of the name."),
    XFSX_FIELD(DirShortEntry, 1, offset, hex, "Where the entry would lie in block form."),
};
XFSX_LAYOUT(DirShortEntry, "dir_sf_entry", dir_short_entry_fields, "Start of a short form entry.");

/// A free region of a data block.
struct DirFreeRegion {
  be16 offset;
  be16 length;
};

inline constexpr Field dir_free_region_fields[] = {
    XFSX_FIELD(DirFreeRegion, 0, offset, hex, "Bytes from the start of the block."),
    XFSX_FIELD(DirFreeRegion, 2, length, hex, "Bytes."),
};
XFSX_LAYOUT(DirFreeRegion, "dir_free_region", dir_free_region_fields,
            "A free region of a data block.");

/// Header of a block with entries; those of the block form have another magic.
struct DirDataHeader {
  be32 magic;
  le32 crc;
  be<Daddr> bno;
  be<Lsn> lsn;
  Uuid uuid;
  be<InodeNumber> owner;
  std::array<DirFreeRegion, 3> bestfree;
  be32 pad;
};

inline constexpr Field dir_data_header_fields[] = {
    XFSX_FIELD(DirDataHeader, 0, magic, hex, "XDB3 (block form) or XDD3."),
    XFSX_FIELD(DirDataHeader, 4, crc, crc, "CRC32c of the directory block."),
    XFSX_FIELD(DirDataHeader, 8, bno, daddr, "Own address."),
    XFSX_FIELD(DirDataHeader, 16, lsn, lsn, "Last checkpoint that wrote the block."),
    XFSX_FIELD(DirDataHeader, 24, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(DirDataHeader, 40, owner, inode, "Inode that this block belongs to."),
    XFSX_FIELD(DirDataHeader, 48, bestfree, hex, "The three largest free regions."),
    XFSX_FIELD(DirDataHeader, 60, pad, padding, "Zero."),
};
XFSX_LAYOUT(DirDataHeader, "dir_data_hdr", dir_data_header_fields,
            "Header of a block with entries.");

/// Header of a block with entries, version 4.
struct DirDataHeaderV4 {
  be32 magic;
  std::array<DirFreeRegion, 3> bestfree;
};

inline constexpr Field dir_data_header_v4_fields[] = {
    XFSX_FIELD(DirDataHeaderV4, 0, magic, hex, "XD2B (block form) or XD2D."),
    XFSX_FIELD(DirDataHeaderV4, 4, bestfree, hex, "The three largest free regions."),
};
XFSX_LAYOUT(DirDataHeaderV4, "dir_data_hdr_v4", dir_data_header_v4_fields,
            "Header of a block with entries, version 4.");

/// Start of an entry; the name, a file type byte, padding to 8 bytes and the entry's own offset
/// follow.
struct DirDataEntry {
  be<InodeNumber> inumber;
  u8 namelen;
};

inline constexpr Field dir_data_entry_fields[] = {
    XFSX_FIELD(DirDataEntry, 0, inumber, inode, "The inode that the name stands for."),
    XFSX_FIELD(DirDataEntry, 8, namelen, decimal, "Bytes of the name."),
};
XFSX_LAYOUT(DirDataEntry, "dir_data_entry", dir_data_entry_fields, "Start of an entry.");

/// Start of an unused region of a data block; its last two bytes are its own offset.
struct DirDataUnused {
  be16 freetag;
  be16 length;
};

inline constexpr Field dir_data_unused_fields[] = {
    XFSX_FIELD(DirDataUnused, 0, freetag, hex, "All ones."),
    XFSX_FIELD(DirDataUnused, 2, length, hex, "Bytes, a multiple of 8."),
};
XFSX_LAYOUT(DirDataUnused, "dir_data_unused", dir_data_unused_fields,
            "Start of an unused region of a data block.");

/// Leads from a hash to an entry. Sorted by hash; the address 0 marks a stale entry.
struct DirLeafEntry {
  be32 hashval;
  be32 address;
};

inline constexpr Field dir_leaf_entry_fields[] = {
    XFSX_FIELD(DirLeafEntry, 0, hashval, hex, "Hash of the name."),
    XFSX_FIELD(DirLeafEntry, 4, address, hex, "Byte address of the entry, divided by 8."),
};
XFSX_LAYOUT(DirLeafEntry, "dir_leaf_entry", dir_leaf_entry_fields,
            "Leads from a hash to an entry.");

/// End of a block in block form; its leaf entries lie before it.
struct DirBlockTail {
  be32 count;
  be32 stale;
};

inline constexpr Field dir_block_tail_fields[] = {
    XFSX_FIELD(DirBlockTail, 0, count, decimal, "Leaf entries, stale ones included."),
    XFSX_FIELD(DirBlockTail, 4, stale, decimal, "Stale leaf entries."),
};
XFSX_LAYOUT(DirBlockTail, "dir_block_tail", dir_block_tail_fields, "End of a block in block form.");

/// What leaves and nodes of the index begin with.
struct DaBlockInfo {
  be<DaBlock> forw;
  be<DaBlock> back;
  be16 magic;
  be16 pad;
  le32 crc;
  be<Daddr> bno;
  be<Lsn> lsn;
  Uuid uuid;
  be<InodeNumber> owner;
};

inline constexpr Field da_block_info_fields[] = {
    XFSX_FIELD(DaBlockInfo, 0, forw, decimal, "Right neighbour; 0 for none."),
    XFSX_FIELD(DaBlockInfo, 4, back, decimal, "Left neighbour; 0 for none."),
    XFSX_FIELD(DaBlockInfo, 8, magic, hex, "Says which kind of block."),
    XFSX_FIELD(DaBlockInfo, 10, pad, padding, "Zero."),
    XFSX_FIELD(DaBlockInfo, 12, crc, crc, "CRC32c of the block."),
    XFSX_FIELD(DaBlockInfo, 16, bno, daddr, "Own address."),
    XFSX_FIELD(DaBlockInfo, 24, lsn, lsn, "Last checkpoint that wrote the block."),
    XFSX_FIELD(DaBlockInfo, 32, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(DaBlockInfo, 48, owner, inode, "Inode that this block belongs to."),
};
XFSX_LAYOUT(DaBlockInfo, "da_blkinfo", da_block_info_fields,
            "What leaves and nodes of the index begin with.");

// Version 4 has no more of each of the three than what version 5 begins with too.

/// What leaves and nodes of the index begin with, version 4.
struct DaBlockInfoV4 {
  be<DaBlock> forw;
  be<DaBlock> back;
  be16 magic;
  be16 pad;
};

inline constexpr Field da_block_info_v4_fields[] = {
    XFSX_FIELD(DaBlockInfoV4, 0, forw, decimal, "Right neighbour; 0 for none."),
    XFSX_FIELD(DaBlockInfoV4, 4, back, decimal, "Left neighbour; 0 for none."),
    XFSX_FIELD(DaBlockInfoV4, 8, magic, hex, "Says which kind of block."),
    XFSX_FIELD(DaBlockInfoV4, 10, pad, padding, "Zero."),
};
XFSX_LAYOUT(DaBlockInfoV4, "da_blkinfo_v4", da_block_info_v4_fields,
            "What leaves and nodes of the index begin with, version 4.");

/// What follows the block info of a leaf, version 4.
struct DirLeafHeaderV4 {
  be16 count;
  be16 stale;
};

inline constexpr Field dir_leaf_header_v4_fields[] = {
    XFSX_FIELD(DirLeafHeaderV4, 0, count, decimal, "Entries, stale ones included."),
    XFSX_FIELD(DirLeafHeaderV4, 2, stale, decimal, "Stale entries."),
};
XFSX_LAYOUT(DirLeafHeaderV4, "dir_leaf_hdr_v4", dir_leaf_header_v4_fields,
            "What follows the block info of a leaf, version 4.");

/// What follows the block info of a node, version 4.
struct DaNodeHeaderV4 {
  be16 count;
  be16 level;
};

inline constexpr Field da_node_header_v4_fields[] = {
    XFSX_FIELD(DaNodeHeaderV4, 0, count, decimal, "Entries."),
    XFSX_FIELD(DaNodeHeaderV4, 2, level, decimal, "1 above the leaves."),
};
XFSX_LAYOUT(DaNodeHeaderV4, "da_node_hdr_v4", da_node_header_v4_fields,
            "What follows the block info of a node, version 4.");

/// What follows the block info of a leaf.
struct DirLeafHeader {
  be16 count;
  be16 stale;
  be32 pad;
};

inline constexpr Field dir_leaf_header_fields[] = {
    XFSX_FIELD(DirLeafHeader, 0, count, decimal, "Entries, stale ones included."),
    XFSX_FIELD(DirLeafHeader, 2, stale, decimal, "Stale entries."),
    XFSX_FIELD(DirLeafHeader, 4, pad, padding, "Zero."),
};
XFSX_LAYOUT(DirLeafHeader, "dir_leaf_hdr", dir_leaf_header_fields,
            "What follows the block info of a leaf.");

/// End of the only leaf of the leaf form; the largest free region of each data block lies before.
struct DirLeafTail {
  be32 bestcount;
};

inline constexpr Field dir_leaf_tail_fields[] = {
    XFSX_FIELD(DirLeafTail, 0, bestcount, decimal, "Data blocks."),
};
XFSX_LAYOUT(DirLeafTail, "dir_leaf_tail", dir_leaf_tail_fields,
            "End of the only leaf of the leaf form.");

/// What follows the block info of a node.
struct DaNodeHeader {
  be16 count;
  be16 level;
  be32 pad;
};

inline constexpr Field da_node_header_fields[] = {
    XFSX_FIELD(DaNodeHeader, 0, count, decimal, "Entries."),
    XFSX_FIELD(DaNodeHeader, 2, level, decimal, "1 above the leaves."),
    XFSX_FIELD(DaNodeHeader, 4, pad, padding, "Zero."),
};
XFSX_LAYOUT(DaNodeHeader, "da_node_hdr", da_node_header_fields,
            "What follows the block info of a node.");

/// Leads from a hash to a block one level below.
struct DaNodeEntry {
  be32 hashval;
  be<DaBlock> before;
};

inline constexpr Field da_node_entry_fields[] = {
    XFSX_FIELD(DaNodeEntry, 0, hashval, hex, "Highest hash in the block below."),
    XFSX_FIELD(DaNodeEntry, 4, before, decimal, "Where the block below lies."),
};
XFSX_LAYOUT(DaNodeEntry, "da_node_entry", da_node_entry_fields,
            "Leads from a hash to a block one level below.");

/// Header of a block of the free index; the largest free region of each data block follows.
struct DirFreeHeader {
  be32 magic;
  le32 crc;
  be<Daddr> bno;
  be<Lsn> lsn;
  Uuid uuid;
  be<InodeNumber> owner;
  be32 firstdb;
  be32 nvalid;
  be32 nused;
  be32 pad;
};

inline constexpr Field dir_free_header_fields[] = {
    XFSX_FIELD(DirFreeHeader, 0, magic, hex, "XDF3."),
    XFSX_FIELD(DirFreeHeader, 4, crc, crc, "CRC32c of the block."),
    XFSX_FIELD(DirFreeHeader, 8, bno, daddr, "Own address."),
    XFSX_FIELD(DirFreeHeader, 16, lsn, lsn, "Last checkpoint that wrote the block."),
    XFSX_FIELD(DirFreeHeader, 24, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(DirFreeHeader, 40, owner, inode, "Inode that this block belongs to."),
    XFSX_FIELD(DirFreeHeader, 48, firstdb, decimal, "First data block that is described here."),
    XFSX_FIELD(DirFreeHeader, 52, nvalid, decimal, "Entries."),
    XFSX_FIELD(DirFreeHeader, 56, nused, decimal, "Entries of data blocks that exist."),
    XFSX_FIELD(DirFreeHeader, 60, pad, padding, "Zero."),
};
XFSX_LAYOUT(DirFreeHeader, "dir_free_hdr", dir_free_header_fields,
            "Header of a block of the free index.");

/// Header of a block of the free index, version 4.
struct DirFreeHeaderV4 {
  be32 magic;
  be32 firstdb;
  be32 nvalid;
  be32 nused;
};

inline constexpr Field dir_free_header_v4_fields[] = {
    XFSX_FIELD(DirFreeHeaderV4, 0, magic, hex, "XD2F."),
    XFSX_FIELD(DirFreeHeaderV4, 4, firstdb, decimal, "First data block that is described here."),
    XFSX_FIELD(DirFreeHeaderV4, 8, nvalid, decimal, "Entries."),
    XFSX_FIELD(DirFreeHeaderV4, 12, nused, decimal, "Entries of data blocks that exist."),
};
XFSX_LAYOUT(DirFreeHeaderV4, "dir_free_hdr_v4", dir_free_header_v4_fields,
            "Header of a block of the free index, version 4.");

}  // namespace xfsx::inline v0::disk
