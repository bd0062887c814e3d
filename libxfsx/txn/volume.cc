#include "txn/volume.h"

#include "log/find_head.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

// The largest sector that the format knows; the real size stands inside.
constexpr u64 max_sector = 32768;

Result<LogState> look_at_log(BlockDevice& device, Geometry const& geometry) {
  XFSX_TRY(LogGeometry const log, LogGeometry::of(geometry));
  return find_log_head(device, log);
}

}  // namespace

Volume::Volume(BlockDevice& device, Geometry const& geometry)
    : device_(device),
      geometry_(geometry),
      cache_(device, geometry_),
      log_(look_at_log(device, geometry_)) {
  if (log_) cache_.set_log_head(log_.value().head);
}

void Volume::set_log(LogState const& state) {
  log_ = state;
  cache_.set_log_head(state.head);
}

void Volume::shut_down(Error const& cause) {
  if (!shut_down_) shut_down_ = cause;
}

Result<void> Volume::check_alive() const {
  if (!shut_down_) return success();
  Error e = *shut_down_;
  e.code = Errc::shut_down;
  e.reason = "an earlier failure stopped all writing";
  return e;
}

Result<std::unique_ptr<Volume>> Volume::open(BlockDevice& device) {
  DeviceInfo const info = device.info();
  u64 const unit = std::max<u64>(info.logical_sector, 512);
  AlignedBytes sector(std::min(max_sector, info.size / unit * unit));
  ReadRequest const request{0, sector.bytes()};
  XFSX_TRYV(device.read({&request, 1}));
  XFSX_TRY(Geometry const geometry,
           Geometry::from_superblock(sector.bytes(), {info.size, info.logical_sector}));
  return std::unique_ptr<Volume>(new Volume(device, geometry));
}

}  // namespace xfsx::inline v0
