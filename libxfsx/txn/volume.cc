#include "txn/volume.h"

#include "format/verify_realtime.h"
#include "log/find_head.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

// The largest sector that the format knows; the real size stands inside.
constexpr u64 max_sector = 32768;

Result<LogState> look_at_log(BlockDevice& device, FurtherDevices const& further,
                             Geometry const& geometry) {
  XFSX_TRY(LogPlace const place, place_log(geometry, device, further.log));
  return find_log_head(place.device, place.log);
}

/// The superblock of the realtime section says whose it is: the data of another one would be taken
/// for that of files.
Result<void> check_realtime_superblock(BlockDevice& realtime, Geometry const& geometry) {
  if (!geometry.realtime().super) return success();
  AlignedBytes block(geometry.block_size());
  ReadRequest const request{0, block.bytes()};
  XFSX_TRYV(realtime.read({&request, 1}));
  Location where;
  where.device = DeviceRole::realtime;
  where.kind = AddressKind::daddr;
  return verify_block(rt_superblock_kind, block.bytes(), {geometry, where}, Lsn(0));
}

/// Whether the devices that were given are those of the filesystem, as far as their sizes and the
/// superblock of the realtime section tell.
Result<void> check_further(BlockDevice& device, FurtherDevices const& further,
                           Geometry const& geometry) {
  if (further.log != nullptr) {
    XFSX_TRYV(place_log(geometry, device, further.log));
  }
  if (further.realtime == nullptr) return success();
  if (!geometry.has_realtime()) {
    return refuse(EINVAL, "a realtime device was given, but the filesystem has none");
  }
  if (geometry.realtime().on_data_device()) {
    return refuse(EINVAL,
                  "a realtime device was given, but realtime blocks are on the data device");
  }
  u64 const blocks = further.realtime->info().size / geometry.block_size();
  if (geometry.realtime().end() <= blocks) {
    return check_realtime_superblock(*further.realtime, geometry);
  }
  Error e = make_error(Errc::truncated, EUCLEAN, "the device ends before its last realtime block");
  e.device = DeviceRole::realtime;
  e.structure = disk::Layout<disk::Superblock>::name;
  e.field = "rblocks";
  e.relation = Relation::at_most;
  e.found.number = geometry.realtime().end();
  e.expected.number = blocks;
  return e;
}

Result<Geometry> read_geometry(BlockDevice& device, FurtherDevices const& further) {
  DeviceInfo const info = device.info();
  u64 const unit = std::max<u64>(info.logical_sector, 512);
  AlignedBytes sector(std::min(max_sector, info.size / unit * unit));
  ReadRequest const request{0, sector.bytes()};
  XFSX_TRYV(device.read({&request, 1}));
  XFSX_TRY(Geometry const geometry,
           Geometry::from_superblock(sector.bytes(), {info.size, info.logical_sector}));
  XFSX_TRYV(check_further(device, further, geometry));
  return geometry;
}

}  // namespace

Volume::Volume(BlockDevice& device, FurtherDevices const& further, Geometry const& geometry,
               Result<LogState> const& log)
    : device_(device),
      further_(further),
      geometry_(geometry),
      cache_(device, geometry_),
      log_(log) {
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

Result<BlockDevice*> Volume::realtime_device() {
  if (geometry_.realtime().on_data_device()) return &device_;
  if (further_.realtime != nullptr) return further_.realtime;
  return refuse(ENODEV, "the data is on the realtime device, which was not given (--rt-dev)");
}

bool Volume::log_is_missing() const {
  return !geometry_.has_internal_log() && further_.log == nullptr;
}

Result<std::unique_ptr<Volume>> Volume::open(BlockDevice& device, FurtherDevices const& further) {
  XFSX_TRY(Geometry const geometry, read_geometry(device, further));
  Result<LogState> const log = look_at_log(device, further, geometry);
  return std::unique_ptr<Volume>(new Volume(device, further, geometry, log));
}

Result<std::unique_ptr<Volume>> Volume::open(BlockDevice& device, FurtherDevices const& further,
                                             LogState const& log) {
  XFSX_TRY(Geometry const geometry, read_geometry(device, further));
  return std::unique_ptr<Volume>(new Volume(device, further, geometry, log));
}

}  // namespace xfsx::inline v0
