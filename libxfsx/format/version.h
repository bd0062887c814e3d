#pragma once
// What the two versions of the format that exist differ in: how much stands before what a block
// holds, and the magic numbers. Version 5 blocks describe themselves by checksum, uuid, own
// address, owner and LSN; version 4 has none of these, and its large values and link targets fill
// their blocks to the first byte. Whoever reads blocks takes sizes and magics from here, by way of
// the geometry; nobody else asks for the version.

#include "disk/ag.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/dir.h"
#include "disk/inode.h"
#include "disk/symlink.h"

namespace xfsx::inline v0 {

struct FormatVersion {
  u8 number;
  /// Blocks carry checksum, uuid, own address, owner and LSN, and say by a magic what they are.
  bool self_describing;

  // Bytes before what is held.
  u16 inode_core;
  u16 short_block, long_block;  ///< btrees
  u16 dir_data, dir_free;
  u16 index_info;    ///< da block info; counts of a leaf or node follow
  u16 index_header;  ///< before the entries of a leaf or node
  u16 attr_leaf;
  u16 attr_value, symlink;
  u16 agfl;

  u16 best_free;   ///< where the largest free regions stand in a data block
  u16 attr_count;  ///< where an attribute leaf counts its entries

  u32 dir_block_magic, dir_data_magic, dir_free_magic;
  u16 dir_leaf1_magic, dir_leafn_magic, da_node_magic, attr_leaf_magic;

  u8 oldest_inode, newest_inode;  ///< versions of inodes
  u32 smallest_inode;             ///< bytes
};

inline constexpr FormatVersion format_v4{
    .number = 4,
    .self_describing = false,
    .inode_core = sizeof(disk::DinodeV2),
    .short_block = sizeof(disk::BtreeShortBlockV4),
    .long_block = sizeof(disk::BtreeLongBlockV4),
    .dir_data = sizeof(disk::DirDataHeaderV4),
    .dir_free = sizeof(disk::DirFreeHeaderV4),
    .index_info = sizeof(disk::DaBlockInfoV4),
    .index_header = sizeof(disk::DaBlockInfoV4) + sizeof(disk::DirLeafHeaderV4),
    .attr_leaf = sizeof(disk::AttrLeafHeaderV4),
    .attr_value = 0,
    .symlink = 0,
    .agfl = 0,
    .best_free = offsetof(disk::DirDataHeaderV4, bestfree),
    .attr_count = offsetof(disk::AttrLeafHeaderV4, count),
    .dir_block_magic = disk::dir_block_magic_v4,
    .dir_data_magic = disk::dir_data_magic_v4,
    .dir_free_magic = disk::dir_free_magic_v4,
    .dir_leaf1_magic = disk::dir_leaf1_magic_v4,
    .dir_leafn_magic = disk::dir_leafn_magic_v4,
    .da_node_magic = disk::da_node_magic_v4,
    .attr_leaf_magic = disk::attr_leaf_magic_v4,
    .oldest_inode = 1,
    .newest_inode = 2,
    .smallest_inode = 256,
};

inline constexpr FormatVersion format_v5{
    .number = 5,
    .self_describing = true,
    .inode_core = sizeof(disk::Dinode),
    .short_block = sizeof(disk::BtreeShortBlock),
    .long_block = sizeof(disk::BtreeLongBlock),
    .dir_data = sizeof(disk::DirDataHeader),
    .dir_free = sizeof(disk::DirFreeHeader),
    .index_info = sizeof(disk::DaBlockInfo),
    .index_header = sizeof(disk::DaBlockInfo) + sizeof(disk::DirLeafHeader),
    .attr_leaf = sizeof(disk::AttrLeafHeader),
    .attr_value = sizeof(disk::AttrRemoteHeader),
    .symlink = sizeof(disk::SymlinkHeader),
    .agfl = sizeof(disk::Agfl),
    .best_free = offsetof(disk::DirDataHeader, bestfree),
    .attr_count = offsetof(disk::AttrLeafHeader, count),
    .dir_block_magic = disk::dir_block_magic,
    .dir_data_magic = disk::dir_data_magic,
    .dir_free_magic = disk::dir_free_magic,
    .dir_leaf1_magic = disk::dir_leaf1_magic,
    .dir_leafn_magic = disk::dir_leafn_magic,
    .da_node_magic = disk::da_node_magic,
    .attr_leaf_magic = disk::attr_leaf_magic,
    .oldest_inode = 3,
    .newest_inode = 3,
    .smallest_inode = 512,
};

// A leaf's counts and a node's take the same room.
static_assert(sizeof(disk::DaNodeHeaderV4) == sizeof(disk::DirLeafHeaderV4));
static_assert(sizeof(disk::DaNodeHeader) == sizeof(disk::DirLeafHeader));

}  // namespace xfsx::inline v0
