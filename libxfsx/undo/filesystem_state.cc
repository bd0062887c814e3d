#include "undo/filesystem_state.h"

#include "log/find_head.h"

#include <algorithm>
#include <limits>

namespace xfsx::inline v0 {

namespace {

constexpr u64 max_sector = 32768;

}  // namespace

Result<AlignedBytes> read_superblock(BlockDevice& data) {
  DeviceInfo const info = data.info();
  u64 const unit = std::max<u64>(info.logical_sector, basic_block_size);
  AlignedBytes bytes(std::min(max_sector, info.size / unit * unit));
  ReadRequest const request{0, bytes.bytes()};
  XFSX_TRYV(data.read({&request, 1}));
  return bytes;
}

Result<Geometry> geometry_of(ConstBytes superblock, BlockDevice const& data) {
  DeviceInfo const info = data.info();
  return Geometry::from_superblock(superblock, {info.size, info.logical_sector});
}

Result<UndoLogState> log_state_of(Geometry const& geometry, DevicesByRole const& devices) {
  Result<LogPlace> const place =
      place_log(geometry, *devices[index_of(DeviceRole::data)], devices[index_of(DeviceRole::log)]);
  if (!place) return UndoLogState{};
  Result<LogState> const state = find_log_head(place.value().device, place.value().log);
  if (!state && state.error().code == Errc::io) return state.error();
  if (!state) return UndoLogState{};
  LogState const& s = state.value();
  return UndoLogState{true, s.clean, s.head, s.tail};
}

Result<LogPart> log_part_of(Geometry const& geometry) {
  if (!geometry.has_internal_log()) {
    return LogPart{DeviceRole::log, 0, std::numeric_limits<u64>::max()};
  }
  XFSX_TRY(LogGeometry const log, LogGeometry::of(geometry));
  u64 const begin = log.byte_of(LogBlock(0));
  return LogPart{DeviceRole::data, begin, begin + u64{log.blocks} * basic_block_size};
}

}  // namespace xfsx::inline v0
