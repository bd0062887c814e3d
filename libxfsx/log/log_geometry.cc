#include "log/log_geometry.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// All but where it starts, which stays the start of its device.
LogGeometry shape_of(Geometry const& geometry) {
  LogGeometry log;
  // The format allows at most 2 GiB of log, so basic blocks fit 32 bits.
  log.blocks = static_cast<u32>(geometry.sectors(BlockCount(geometry.log_blocks())).raw());
  log.sector_size = std::max(geometry.log_sector_size(), basic_block_size);
  // A unit of 0 or 1 stands for "no stripe".
  log.unit = std::max({geometry.log_unit(), log.sector_size, basic_block_size});
  log.uuid = geometry.uuid();
  if (!geometry.has_log_v2()) log.record_blocks = 32768 / basic_block_size;
  log.needs_checksums = geometry.version().self_describing;
  return log;
}

Result<void> check_external(Geometry const& geometry, LogGeometry const& log,
                            DeviceInfo const& device) {
  Error e = make_error(Errc::truncated, EUCLEAN, {});
  e.device = DeviceRole::log;
  e.structure = disk::Layout<disk::Superblock>::name;
  if (u64 const blocks = device.size / geometry.block_size(); blocks < geometry.log_blocks()) {
    e.field = "logblocks";
    e.relation = Relation::at_most;
    e.found.number = geometry.log_blocks();
    e.expected.number = blocks;
    e.reason = "the device ends before the log does";
    return e;
  }
  if (log.sector_size >= device.logical_sector) return success();
  e.code = Errc::bad_value;
  e.field = "logsectsize";
  e.relation = Relation::at_least;
  e.found.number = log.sector_size;
  e.expected.number = device.logical_sector;
  return e;
}

}  // namespace

Result<LogGeometry> LogGeometry::of(Geometry const& geometry) {
  if (!geometry.has_internal_log()) return refuse(EOPNOTSUPP, "the log is on a device of its own");
  LogGeometry log = shape_of(geometry);
  log.start = geometry.daddr(geometry.log_start());
  return log;
}

LogGeometry LogGeometry::of_external(Geometry const& geometry) {
  return shape_of(geometry);
}

Result<LogPlace> place_log(Geometry const& geometry, BlockDevice& data, BlockDevice* external) {
  if (geometry.has_internal_log()) {
    if (external != nullptr) {
      return refuse(EINVAL, "a log device was given, but the filesystem has its log inside");
    }
    XFSX_TRY(LogGeometry const log, LogGeometry::of(geometry));
    return LogPlace{data, log};
  }
  if (external == nullptr) {
    return refuse(ENODEV, "the log is on a device of its own, which was not given (--log-dev)");
  }
  LogGeometry const log = LogGeometry::of_external(geometry);
  XFSX_TRYV(check_external(geometry, log, external->info()));
  return LogPlace{*external, log};
}

}  // namespace xfsx::inline v0
