#include "change.h"

#include "base/checked.h"
#include "cache/buffer_cache.h"
#include "disk/superblock.h"
#include "log/find_head.h"
#include "look.h"
#include "report.h"

#include <fmt/format.h>

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

using inspect::Patch;

/// A run of whole sectors.
struct Span {
  u64 first = 0, end = 0;  ///< bytes
};

/// The sectors that patches (in rising order) touch; neighbours together.
std::vector<Span> sectors_of(std::span<Patch const> patches, u32 sector) {
  std::vector<Span> spans;
  for (Patch const& patch : patches) {
    u64 const first = patch.offset / sector * sector;
    u64 const end = round_up<u64>(patch.offset + patch.after.size(), sector);
    if (!spans.empty() && first <= spans.back().end && first >= spans.back().first) {
      spans.back().end = std::max(spans.back().end, end);
    } else {
      spans.push_back({first, end});
    }
  }
  return spans;
}

/// Puts the patches that lie in `bytes`, which begin at `first` of the device, into them.
Result<void> put(std::span<Patch const> patches, u64 first, Bytes bytes) {
  for (Patch const& patch : patches) {
    if (patch.offset < first || patch.offset - first >= bytes.size()) continue;
    Bytes const place = bytes.subspan(patch.offset - first, patch.after.size());
    if (!std::ranges::equal(place, patch.before)) {
      return with_note(refuse(EINVAL, "the image does not hold the bytes that are to be replaced"),
                       fmt::format("byte {}", patch.offset));
    }
    std::ranges::copy(patch.after, place.begin());
  }
  return success();
}

/// The sectors that patches touch, in memory and on their way to the device.
class PatchedSectors {
 public:
  PatchedSectors(BlockDevice& device, std::span<Patch const> patches)
      : device_(device), patches_(patches) {}

  /// Reads them and puts the patches in.
  Result<void> load() {
    DeviceInfo const info = device_.info();
    for (Span const& span : sectors_of(patches_, info.logical_sector)) {
      if (span.end > info.size) {
        return with_note(refuse(EINVAL, "the image ends before the bytes that are to be replaced"),
                         fmt::format("byte {}", span.first));
      }
      buffers_.emplace_back(static_cast<std::size_t>(span.end - span.first));
      reads_.push_back({span.first, buffers_.back().bytes()});
      writes_.push_back({span.first, buffers_.back().bytes()});
    }
    XFSX_TRYV(device_.read(reads_));
    for (ReadRequest const& read : reads_) {
      XFSX_TRYV(put(patches_, read.offset, read.into));
    }
    return success();
  }

  [[nodiscard]] std::span<WriteRequest const> writes() const { return writes_; }

 private:
  BlockDevice& device_;
  std::span<Patch const> patches_;
  std::vector<AlignedBytes> buffers_;
  std::vector<ReadRequest> reads_;
  std::vector<WriteRequest> writes_;
};

std::string hex(ConstBytes bytes) {
  std::string text;
  for (std::byte const b : bytes) text += fmt::format("{:02x}", static_cast<u8>(b));
  return text;
}

std::string text_of(FieldChange const& change, bool dry_run) {
  std::string text = fmt::format("{}: {} -> {}\n", change.field, change.before, change.after);
  for (Patch const& patch : change.patches) {
    text += fmt::format("byte {}: {} -> {}\n", patch.offset, hex(patch.before), hex(patch.after));
  }
  if (change.patches.empty()) {
    text += "nothing changes\n";
  } else if (change.checksum != "none") {
    text += fmt::format("checksum: {}\n", change.checksum);
  }
  if (dry_run) text += "nothing was written\n";
  return text;
}

}  // namespace

Value patches_value(std::span<Patch const> patches) {
  Value list = Value::list("bytes");
  for (Patch const& patch : patches) {
    Value& row = list.add(Value::group({}));
    row.add(Value::wide_integer("offset", patch.offset));
    row.add(Value::words("before", hex(patch.before)));
    row.add(Value::words("after", hex(patch.after)));
    row.spelling =
        fmt::format("byte {}: {} -> {}", patch.offset, hex(patch.before), hex(patch.after));
  }
  return list;
}

std::optional<inspect::Target> parse_field(std::span<std::string const> words) {
  std::optional<inspect::Target> target = inspect::parse_target(words);
  if (target && target->path.empty()) target.reset();
  return target;
}

Result<void> check_changeable(Session& session, Devices const& devices) {
  inspect::Target const primary{inspect::Target::Kind::superblock, 0, {}};
  XFSX_TRY(inspect::Inspection const found, look_at(devices, primary, Strictness::numbers));
  u16 const version = view_as<disk::Superblock>(found.bytes).versionnum.value();
  if ((version & version_bit::number_mask) == 4) {
    return with_structure(refuse(EOPNOTSUPP, "version 4 filesystems are not written"), "sb");
  }
  Result<Geometry> const geometry = read_geometry(*devices.data, Strictness::numbers);
  if (!geometry) return success();
  Result<LogPlace> const place = place_log(geometry.value(), *devices.data, devices.log.get());
  if (!place) return success();
  Result<LogState> const state = find_log_head(place.value().device, place.value().log);
  if (!state) {
    session.warn("unreadable_log", "the log cannot be understood: " + describe(state.error()));
  } else if (!state.value().clean) {
    session.warn("dirty_log", "the log is dirty: replaying it may undo what is changed here");
  }
  return success();
}

Result<FieldChange> change_found(Devices const& devices, inspect::Inspection const& found,
                                 inspect::Found const& field, bool is_log, bool bad_crc,
                                 Alter const& alter) {
  XFSX_TRY(std::vector<std::byte> changed, alter(found, *field.value));
  FieldChange change;
  change.structure = found.structure;
  change.field = field.path;
  XFSX_TRY(change.before, inspect::spell_bits(found, *field.value, found.bytes));
  XFSX_TRY(change.after, inspect::spell_bits(found, *field.value, changed));
  bool const covered = is_log || found.checksum_elsewhere || !found.checksums.empty();
  change.checksum = !covered ? "none" : bad_crc ? "kept" : "restamped";
  if (!bad_crc) {
    XFSX_TRYV(inspect::restamp(found, *field.value, changed));
    if (is_log) {
      XFSX_TRYV(restamp_log_record(devices, found, changed));
    }
  }
  change.patches = inspect::patches(found, changed);
  return change;
}

Result<FieldChange> change_field(Devices const& devices, inspect::Target const& target,
                                 bool bad_crc, Alter const& alter) {
  XFSX_TRY(inspect::Inspection const found, look_at(devices, target, Strictness::numbers));
  std::optional<inspect::Found> const field = inspect::find(found.fields, target.path);
  if (!field) {
    return with_note(refuse(ENOENT, "there is no such field in this structure"), target.path);
  }
  if (found.where.device != DeviceRole::data) {
    return with_structure(refuse(EOPNOTSUPP, "realtime devices are read and not written"),
                          found.structure);
  }
  bool const is_log = target.kind == inspect::Target::Kind::log;
  if (is_log && devices.log) {
    return with_structure(refuse(EOPNOTSUPP, "external logs are read and not written"), "log");
  }
  return change_found(devices, found, *field, is_log, bad_crc, alter);
}

Result<void> check_patches(BlockDevice& device, std::span<Patch const> patches) {
  return PatchedSectors(device, patches).load();
}

Result<void> write_patches(Session& session, BlockDevice& device, std::span<Patch const> patches) {
  session.set_writes();
  PatchedSectors sectors(device, patches);
  XFSX_TRYV(sectors.load());
  for (WriteRequest const& write : sectors.writes()) {
    XFSX_TRYV(device.reserve(write.offset, write.from.size()));
  }
  XFSX_TRYV(session.check_cancelled());
  Writing const writing(session.environment().attention);
  Result<void> done = device.write(sectors.writes());
  if (done) done = device.flush();
  if (!done) return with_image(done.error(), ImageState::unknown);
  return success();
}

Result<void> carry_out(Session& session, BlockDevice& device, Value document,
                       FieldChange const& change, bool dry_run) {
  if (!dry_run && !change.patches.empty()) {
    XFSX_TRYV(write_patches(session, device, change.patches));
  }
  if (!session.options().json) return session.print(text_of(change, dry_run));
  document.add(Value::flag("dry_run", dry_run));
  document.add(Value::words("structure", change.structure));
  document.add(Value::words("path", change.field));
  document.add(Value::words("before", change.before));
  document.add(Value::words("after", change.after));
  document.add(Value::words("checksum", change.checksum));
  document.add(patches_value(change.patches));
  return session.print_document(document);
}

}  // namespace xfsx::inline v0::cli
