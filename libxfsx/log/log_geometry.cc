#include "log/log_geometry.h"

#include <algorithm>

namespace xfsx::inline v0 {

Result<LogGeometry> LogGeometry::of(Geometry const& geometry) {
  if (!geometry.has_internal_log()) return refuse(EOPNOTSUPP, "the log is on a device of its own");
  LogGeometry log;
  log.start = geometry.daddr(geometry.log_start());
  // The format allows at most 2 GiB of log, so basic blocks fit 32 bits.
  log.blocks = static_cast<u32>(geometry.sectors(BlockCount(geometry.log_blocks())).raw());
  log.sector_size = std::max(geometry.log_sector_size(), basic_block_size);
  // A unit of 0 or 1 stands for "no stripe".
  log.unit = std::max({geometry.log_unit(), log.sector_size, basic_block_size});
  log.uuid = geometry.uuid();
  return log;
}

}  // namespace xfsx::inline v0
