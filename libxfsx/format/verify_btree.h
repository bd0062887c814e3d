#pragma once
// Btree blocks as block kinds, and where things lie in them.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

/// Sizes of the parts of a btree's blocks, bytes.
struct BtreeShape {
  u16 header;
  u16 record;
  u16 key;
  u16 pointer;
  /// What an entry of a root in a fork takes, where that is more than key and pointer.
  u16 root_entry = 0;

  /// What fits a block of `bytes`: records in a leaf, keys and pointers in a node.
  [[nodiscard]] constexpr u32 max_records(std::size_t bytes, u32 level) const {
    u32 const each = level == 0 ? record : u32{key} + pointer;
    return (static_cast<u32>(bytes) - header) / each;
  }
  /// Start of the pointers in a node of `bytes`: after room for all the keys that fit.
  [[nodiscard]] constexpr u32 pointers_at(std::size_t bytes) const {
    return header + max_records(bytes, 1) * key;
  }
  /// Keys and pointers that fit the root in a fork of which `bytes` follow the header.
  [[nodiscard]] constexpr u32 root_max(std::size_t bytes) const {
    return static_cast<u32>(bytes) / (root_entry != 0 ? root_entry : u32{key} + pointer);
  }
  /// The shape in a filesystem of `version`; those below are of version 5.
  [[nodiscard]] constexpr BtreeShape on(FormatVersion const& version) const {
    BtreeShape shape = *this;
    shape.header = pointer == sizeof(be32) ? version.short_block : version.long_block;
    return shape;
  }
};

inline constexpr BtreeShape alloc_shape{56, 8, 8, 4};
inline constexpr BtreeShape inobt_shape{56, 16, 4, 4};
inline constexpr BtreeShape rmapbt_shape{56, 24, 40, 4};
inline constexpr BtreeShape refcountbt_shape{56, 12, 4, 4};
inline constexpr BtreeShape bmbt_shape{72, 16, 8, 8};
inline constexpr BtreeShape rtrmapbt_shape{72, 24, 40, 8};
/// Its roots leave room for two keys to a pointer, as if records overlapped.
inline constexpr BtreeShape rtrefcountbt_shape{72, 12, 4, 8, 16};

/// Absolute heights of the format, in levels; a filesystem's own limits are lower.
inline constexpr u32 max_alloc_height = 7;
inline constexpr u32 max_inobt_height = 6;
inline constexpr u32 max_rmapbt_height = 10;
inline constexpr u32 max_refcountbt_height = 6;
inline constexpr u32 max_bmbt_height = 14;
inline constexpr u32 max_rtrmapbt_height = 21;
inline constexpr u32 max_rtrefcountbt_height = 7;

inline constexpr u32 inodes_per_chunk = 64;
inline constexpr u32 inodes_per_hole_bit = 4;

// The verifier of a tree inside an AG judges everything that one block can tell: identity, level
// and count, neighbours and pointers inside the AG, each record's ranges and flags, and that
// records and keys rise. That a block hangs in its tree as it should is for whoever walks.

/// Free space by start and by length.
extern BlockKind const bnobt_kind;
extern BlockKind const cntbt_kind;
/// Inode chunks; those with a free inode.
extern BlockKind const inobt_kind;
extern BlockKind const finobt_kind;
/// Owners of blocks.
extern BlockKind const rmapbt_kind;
/// Shared blocks.
extern BlockKind const refcountbt_kind;
/// Mapping btree. Its records are judged when they are used: whether a start block is inside the
/// filesystem depends on whose file it is.
extern BlockKind const bmbt_kind;

// The trees of a realtime group are rooted in inodes, so their blocks do not say which group they
// speak of: blocks are judged by the size of the largest.

/// Owners of realtime blocks.
extern BlockKind const rtrmapbt_kind;
/// Shared realtime blocks.
extern BlockKind const rtrefcountbt_kind;

/// Checks the root of such a tree in the data fork of an inode, which holds records where its level
/// is 0. Errors: bad_value, in the name of the inode.
Result<void> verify_rtrmapbt_root(ConstBytes fork, BlockContext const& context);
Result<void> verify_rtrefcountbt_root(ConstBytes fork, BlockContext const& context);

}  // namespace xfsx::inline v0
