#include <xfsx/undo.h>

#include "base/crc32c.h"
#include "base/guarded.h"
#include "undo/filesystem_state.h"
#include "undo/rehearsal.h"
#include "undo/undo_file.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace xfsx::inline v0 {

namespace {

/// Runs that touch or overlap become one.
std::vector<UndoRange> united(std::vector<UndoRange> ranges) {
  std::ranges::sort(ranges, {}, [](UndoRange const& r) { return std::pair(r.role, r.offset); });
  std::vector<UndoRange> apart;
  for (UndoRange const& range : ranges) {
    bool const touches =
        !apart.empty() && apart.back().role == range.role && range.offset <= apart.back().end();
    if (touches) {
      u64 const end = std::max(apart.back().end(), range.end());
      apart.back().length = end - apart.back().offset;
    } else {
      apart.push_back(range);
    }
  }
  return apart;
}

/// What a rehearsed change overwrites, and the superblock, by which states are recognised.
void add_writes(Rehearsal const& rehearsal, u64 superblock_length, UndoContents& contents) {
  for (Rehearsal::Step const& step : rehearsal.steps()) {
    for (WriteRequest const& write : step.writes) {
      contents.writes.push_back({step.role, write.offset, write.from.size()});
      for (u64 at = 0; at < write.from.size(); at += undo_sector) {
        contents.checksums.push_back(Crc32c().feed(write.from.subspan(at, undo_sector)).value());
      }
    }
  }
  contents.ranges = contents.writes;
  contents.ranges.push_back({DeviceRole::data, 0, superblock_length});
  contents.ranges = united(std::move(contents.ranges));
  contents.summary.ranges = contents.ranges.size();
  for (UndoRange const& range : contents.ranges) contents.summary.bytes += range.length;
}

Result<u32> superblock_checksum(BlockDevice& data, u64 length) {
  XFSX_TRY(AlignedBytes const bytes, read_superblock(data));
  return Crc32c().feed(bytes.bytes().first(length)).value();
}

/// A change that has been rehearsed and saved.
struct SavedChange {
  Rehearsal rehearsal;
  UndoContents contents;
};

/// Does the change in memory and writes the undo file. What fails here has changed nothing.
Result<void> save(SavedChange& saved, DevicesByRole const& devices, NewUndoFile& file,
                  UndoableChange const& change) {
  BlockDevice& data = *devices[index_of(DeviceRole::data)];
  XFSX_TRY(AlignedBytes const superblock, read_superblock(data));
  XFSX_TRY(Geometry const geometry, geometry_of(superblock.bytes(), data));
  UndoSummary& summary = saved.contents.summary;
  summary.uuid = geometry.uuid();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (devices[i] != nullptr) saved.contents.device_sizes[i] = devices[i]->info().size;
  }
  XFSX_TRY(summary.superblock_before, superblock_checksum(data, geometry.sector_size()));
  XFSX_TRY(summary.log_before, log_state_of(geometry, devices));

  XFSX_TRYV(change(saved.rehearsal.data(), saved.rehearsal.further()));

  DevicesByRole const after = by_role(saved.rehearsal.data(), saved.rehearsal.further());
  XFSX_TRY(summary.superblock_after, superblock_checksum(*after[0], geometry.sector_size()));
  XFSX_TRY(summary.log_after, log_state_of(geometry, after));
  add_writes(saved.rehearsal, geometry.sector_size(), saved.contents);
  return file.write(saved.contents, devices);
}

}  // namespace

Result<UndoSummary> with_undo(BlockDevice& data, FurtherDevices const& further,
                              std::string const& file, UndoableChange const& change,
                              UndoOptions const& options) {
  return guarded([&]() -> Result<UndoSummary> {
    XFSX_TRY(NewUndoFile undo_file, NewUndoFile::create(file));
    SavedChange saved{{data, further}, {}};
    Result<void> const ready = save(saved, by_role(data, further), undo_file, change);
    // The change may believe that it was cut off in the middle, but all of that was in memory.
    if (!ready) return with_image(ready.error(), ImageState::unchanged);
    if (options.cancelled && options.cancelled()) {
      return make_error(Errc::cancelled, ECANCELED, "cancelled before the first write");
    }
    undo_file.keep();
    if (options.on_write) options.on_write();
    Result<void> const done = saved.rehearsal.carry_out();
    if (done) return saved.contents.summary;
    Error const e = with_image(done.error(), ImageState::unknown);
    return e.note.view().empty() ? with_note(e, "the undo file restores the image") : e;
  });
}

}  // namespace xfsx::inline v0
