#pragma once
// Where an inode's attribute fork begins, and the room that Linux leaves either fork so that it can
// become a btree.

#include "disk/btree.h"

namespace xfsx::inline v0 {

/// Unit of forkoff, bytes.
inline constexpr u32 forkoff_unit = 8;

/// Bytes of a btree root in a fork, over so many blocks.
constexpr u32 fork_root_size(u32 blocks) {
  constexpr u32 entry = sizeof(disk::BmbtKey) + sizeof(be<FsBlock>);
  return static_cast<u32>(sizeof(disk::BmdrBlock)) + blocks * entry;
}

inline constexpr u32 least_data_fork = fork_root_size(3);
inline constexpr u32 least_attr_fork = fork_root_size(2);

}  // namespace xfsx::inline v0
