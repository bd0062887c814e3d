#include "look.h"

#include "base/crc32c.h"
#include "cache/buffer_cache.h"
#include "disk/superblock.h"
#include "inspect/decode.h"
#include "log/find_head.h"
#include "log/log_reader.h"

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

using inspect::Value;

/// The start of the device: the largest sector of the format; the superblock itself says how large
/// its own is.
Result<AlignedBytes> read_start(BlockDevice& device) {
  DeviceInfo const info = device.info();
  u64 const unit = std::max<u64>(info.logical_sector, basic_block_size);
  AlignedBytes sector(std::min<u64>(32768, info.size / unit * unit));
  ReadRequest const request{0, sector.bytes()};
  XFSX_TRYV(device.read({&request, 1}));
  return sector;
}

Result<void> read_from(BlockDevice& device, Daddr at, Bytes into) {
  AlignedBytes buffer(into.size());
  ReadRequest const request{at.raw() * basic_block_size, buffer.bytes()};
  XFSX_TRYV(device.read({&request, 1}));
  std::ranges::copy(buffer.bytes(), into.begin());
  return success();
}

/// Geometry by numbers alone: in a copy, what says that they should not be used is put right.
Result<Geometry> usable_geometry(AlignedBytes& sector, u32 logical_sector) {
  Bytes const bytes = sector.bytes();
  SuperblockLimits const limits{0, logical_sector};
  Result<Geometry> const first = Geometry::from_superblock(bytes, limits);
  if (first || !fits<disk::Superblock>(bytes)) return first;
  auto& sb = edit_as<disk::Superblock>(bytes);
  u32 const size = sb.sectsize.value();
  if (size < sizeof(disk::Superblock) || size > bytes.size()) return first;
  sb.features_incompat = sb.features_incompat.value() & ~incompat::needs_repair;
  sb.inprogress = 0;
  // All else being right, it was the magic that somebody damaged.
  sb.magicnum = disk::superblock_magic;
  crc32c_stamp(bytes.first(size), offsetof(disk::Superblock, crc));
  Result<Geometry> second = Geometry::from_superblock(bytes, limits);
  return second ? std::move(second) : first;
}

Value lsn_value(std::string_view name, Lsn lsn) {
  Value v = Value::group(name);
  v.add(Value::integer("cycle", lsn.cycle()));
  v.add(Value::integer("block", lsn.block().raw()));
  return v;
}

/// Compares the checksum of the last record, which covers what follows the header too.
Result<void> check_record(BlockDevice& device, LogGeometry const& log, u32 block, ConstBytes bytes,
                          inspect::Inspection& found) {
  auto const& header = view_as<disk::LogRecordHeader>(bytes);
  LogReader reader(device, log);
  Result<void> checked = check_log_header(header, block, log_record_max_blocks * basic_block_size);
  if (checked) {
    checked = check_log_record_crc(reader, block, header, log_header_blocks(header));
  }
  if (!checked && checked.error().code == Errc::io) return checked.error();
  std::string_view const word = header.crc.value() == 0 ? "none" : checked ? "correct" : "bad";
  for (Value& v : found.fields.items.back().items) {
    if (v.name == "crc") inspect::spell_with(inspect::spell_hex(v), word);
  }
  if (!checked) found.problem = checked.error();
  return success();
}

/// A log whose head cannot be found has a place all the same.
Result<inspect::Inspection> look_at_log(BlockDevice& device, LogGeometry const& log) {
  inspect::Inspection found;
  found.structure = "log";
  found.fields.add(Value::wide_integer("start_daddr", log.start.raw()));
  found.fields.add(Value::integer("basic_blocks", log.blocks));
  found.fields.add(Value::integer("stripe_unit", log.unit));
  found.fields.add(Value::integer("sector_size", log.sector_size));
  Result<LogState> const state = find_log_head(device, log);
  if (!state) {
    found.problem = state.error();
    return found;
  }
  LogState const& s = state.value();
  found.fields.add(Value::flag("clean", s.clean));
  found.fields.add(Value::flag("torn", s.torn));
  found.fields.add(Value::flag("empty", s.empty));
  found.fields.add(lsn_value("head", s.head));
  found.fields.add(lsn_value("tail", s.tail));
  if (s.empty) return found;
  found.fields.add(Value::integer("last_record", s.last_record.raw()));
  AlignedBytes header(log.sector_size);
  u64 const at = log.byte_of(s.last_record);
  ReadRequest const request{at, header.bytes()};
  XFSX_TRYV(device.read({&request, 1}));
  ConstBytes const bytes = header.bytes();
  found.bytes.assign(bytes.begin(), bytes.end());
  found.extents.push_back({Daddr(at / basic_block_size), log.sector_size});
  found.fields.add(inspect::decode_log_record(found.bytes));
  XFSX_TRYV(check_record(device, log, s.last_record.raw(), found.bytes, found));
  return found;
}

}  // namespace

Result<void> DeviceSource::read(Daddr at, Bytes into) {
  return read_from(device_, at, into);
}

Result<void> DeviceSource::read_realtime(Daddr at, Bytes into) {
  if (realtime_ == nullptr) return ByteSource::read_realtime(at, into);
  return read_from(*realtime_, at, into);
}

Result<Geometry> read_geometry(BlockDevice& device, Strictness strictness) {
  XFSX_TRY(AlignedBytes sector, read_start(device));
  DeviceInfo const info = device.info();
  if (strictness == Strictness::numbers) return usable_geometry(sector, info.logical_sector);
  return Geometry::from_superblock(sector.bytes(), {info.size, info.logical_sector});
}

Result<inspect::Inspection> look_at(Devices const& devices, inspect::Target const& target,
                                    Strictness strictness) {
  BlockDevice& device = *devices.data;
  if (target.kind == inspect::Target::Kind::superblock && target.number == 0) {
    DeviceInfo const info = device.info();
    XFSX_TRY(AlignedBytes const sector, read_start(device));
    bool const reached = strictness == Strictness::numbers && read_geometry(device, strictness);
    return inspect::inspect_primary(sector.bytes(), {info.size, info.logical_sector}, reached);
  }
  XFSX_TRY(Geometry const geometry, read_geometry(device, strictness));
  if (target.kind == inspect::Target::Kind::log) {
    XFSX_TRY(LogPlace const place, place_log(geometry, device, devices.log.get()));
    return look_at_log(place.device, place.log);
  }
  DeviceSource source(devices);
  return inspect::inspect(geometry, source, target, Lsn(0));
}

Result<void> restamp_log_record(Devices const& devices, inspect::Inspection const& found,
                                Bytes changed) {
  XFSX_TRY(Geometry const geometry, read_geometry(*devices.data, Strictness::numbers));
  XFSX_TRY(LogPlace const place, place_log(geometry, *devices.data, devices.log.get()));
  LogGeometry const& log = place.log;
  auto const& old = view_as<disk::LogRecordHeader>(found.bytes);
  auto& header = edit_as<disk::LogRecordHeader>(changed);
  if (old.crc.value() == 0) return success();
  u32 const bytes = old.len.value();
  u32 const headers = log_header_blocks(old);
  bool const sane = headers <= log_record_max_blocks &&
                    div_round_up(bytes, basic_block_size) <= log_record_max_blocks;
  if (!sane) {
    return with_structure(refuse(EOPNOTSUPP,
                                 "what its checksum covers cannot be told; --bad-crc "
                                 "leaves it as it is"),
                          "log record");
  }
  LogReader reader(place.device, log);
  auto const block = static_cast<u32>(found.extents.front().at.raw() - log.start.raw());
  XFSX_TRY(u32 const crc, log_record_crc(reader, block, header, headers, bytes));
  header.crc = crc;
  return success();
}

}  // namespace xfsx::inline v0::cli
