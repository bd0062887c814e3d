#pragma once
// Partitions of a disk or of an image of one, as libblkid finds them (GPT and MBR).

#include <xfsx/device.h>

#include <memory>
#include <vector>

namespace xfsx::inline v0 {

struct Partition {
  u32 number = 0;  ///< as Linux counts: logical partitions of an MBR from 5 on
  u64 offset = 0;  ///< bytes
  u64 size = 0;    ///< bytes
};

/// The partitions in the order of the table, without those that only hold others; none if there is
/// no table. Errors: io; missing if the host has no libblkid.
Result<std::vector<Partition>> read_partitions(BlockDevice& disk);

/// Partition `number` as a device of its own. Errors: those of read_partitions; refused ENXIO where
/// there is none of that number, the note names those there are; truncated if it does not lie
/// wholly on the disk.
Result<std::unique_ptr<BlockDevice>> open_partition(std::unique_ptr<BlockDevice> disk, u32 number);

/// The one partition that begins like XFS; `disk` itself if it does so, or if no partition does.
/// Errors: io; refused EINVAL if more than one does, the note names them.
Result<std::unique_ptr<BlockDevice>> find_xfs(std::unique_ptr<BlockDevice> disk);

}  // namespace xfsx::inline v0
