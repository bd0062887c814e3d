#pragma once
// The shape of the realtime section. It is a device of its own, or follows the data on the data
// device. With groups a realtime block number has the group in its high bits, as an fsblock has its
// AG; without, blocks are counted from the start of the section.

#include <xfsx/units.h>

#include <algorithm>

namespace xfsx::inline v0 {

struct RealtimeShape {
  u64 blocks = 0;   ///< of the section; 0 where there is none
  u64 extents = 0;  ///< units of allocation
  u32 extent_blocks = 1;
  u32 bitmap_blocks = 0;  ///< of the bitmap; with groups, of the bitmap of each
  bool groups = false;    ///< with groups, of which there may be none
  u32 group_count = 0;
  u32 group_extents = 0;
  u32 group_block_log = 0;
  u64 start = 0;       ///< block of the data device where the section begins; 0 for another device
  bool gaps = false;   ///< groups lie as far from each other as their numbers say
  bool super = false;  ///< begins with a superblock of its own

  [[nodiscard]] bool on_data_device() const { return start != 0; }
  /// Blocks of each group but the last, which may be shorter.
  [[nodiscard]] u64 group_blocks() const { return u64{group_extents} * extent_blocks; }
  [[nodiscard]] u32 group_of(FsBlock block) const {
    return groups ? static_cast<u32>(block.raw() >> group_block_log) : 0;
  }
  [[nodiscard]] u64 block_in_group(FsBlock block) const {
    return groups ? block.raw() & ((u64{1} << group_block_log) - 1) : block.raw();
  }
  [[nodiscard]] u64 blocks_of(u32 group) const {
    if (!groups) return group == 0 ? blocks : 0;
    u64 const first = group * group_blocks();
    return first >= blocks ? 0 : std::min(group_blocks(), blocks - first);
  }
  /// True if the blocks exist, lie in one group and behind the superblock.
  [[nodiscard]] bool valid(FsBlock first, BlockCount count) const {
    u64 const at = block_in_group(first);
    u64 const end =
        (first.raw() >> group_block_log) >= group_count && groups ? 0 : blocks_of(group_of(first));
    if (super && group_of(first) == 0 && at < extent_blocks) return false;
    return count.raw() != 0 && at < end && count.raw() <= end - at;
  }
  /// Where a block lies on its device, in blocks from its start. The block is valid.
  [[nodiscard]] u64 place(FsBlock block) const {
    if (!groups || gaps) return start + block.raw();
    return start + group_of(block) * group_blocks() + block_in_group(block);
  }
  /// Blocks of the device that the section needs, from its start on.
  [[nodiscard]] u64 end() const {
    if (!groups || !gaps || group_count == 0) return start + blocks;
    u32 const last = group_count - 1;
    return start + (u64{last} << group_block_log) + blocks_of(last);
  }
};

}  // namespace xfsx::inline v0
