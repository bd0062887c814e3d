#pragma once
// By what a state of a filesystem is recognised: its superblock and the ends of its log.

#include <xfsx/undo.h>

#include "cache/aligned_bytes.h"
#include "format/geometry.h"
#include "undo/rehearsal.h"

namespace xfsx::inline v0 {

/// The beginning of a device, as long as the largest sector that a superblock may have. Errors: io.
Result<AlignedBytes> read_superblock(BlockDevice& data);

/// The shape of the filesystem that `superblock` says `data` holds. Errors: those of
/// Geometry::from_superblock.
Result<Geometry> geometry_of(ConstBytes superblock, BlockDevice const& data);

/// The log as it stands on `devices`. One that cannot be understood, or whose device is not there,
/// is not known. Errors: io.
Result<UndoLogState> log_state_of(Geometry const& geometry, DevicesByRole const& devices);

/// The bytes of a device that are the log.
struct LogPart {
  DeviceRole role = DeviceRole::data;
  u64 begin = 0, end = 0;
};
/// Errors: none for a geometry that from_superblock has made.
Result<LogPart> log_part_of(Geometry const& geometry);

}  // namespace xfsx::inline v0
