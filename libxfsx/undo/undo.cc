// How a saved state comes back. Power may fail in the middle, and until everything is back nobody
// may take the filesystem for one: with a clean log, which a kernel mounts as it is, over blocks of
// which some are old and some new. So:
//
//   mark      the superblock of before, but with the flag that says that an offline operation is in
//             progress (sb_inprogress): Linux refuses to mount it, and xfsx to read it
//   homes     everything else outside of the log
//   log       the log, last of all that is restored
//   superblock  the one sector without the flag, which ends the undo
//
// each of them stable before the next begins. The mark is made from the undo file alone, so an undo
// that was interrupted is recognised by it, and every sector is old or new then, never torn.

#include <xfsx/undo.h>

#include "base/checked.h"
#include "base/crc32c.h"
#include "base/guarded.h"
#include "base/view.h"
#include "disk/superblock.h"
#include "format/version.h"
#include "undo/filesystem_state.h"
#include "undo/rehearsal.h"
#include "undo/sector_states.h"
#include "undo/undo_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace xfsx::inline v0 {

namespace {

constexpr u64 request_bytes = u64{1} << 20;
constexpr u64 batch_bytes = 4 * request_bytes;

/// A part of a range of the undo file.
struct Piece {
  std::size_t range = 0;
  u64 from = 0;  ///< bytes from the start of the range
  u64 length = 0;
};

class Restoration {
 public:
  Restoration(UndoFile file, DevicesByRole const& devices)
      : file_(std::move(file)), devices_(devices) {}

  /// Finds out what there is to restore and whether it may be; only reads.
  Result<UndoState> prepare();
  /// Makes room for all that will be written.
  Result<void> reserve();
  Result<void> run();

 private:
  [[nodiscard]] UndoContents const& contents() const { return file_.contents(); }
  [[nodiscard]] BlockDevice& data() const { return *devices_[index_of(DeviceRole::data)]; }

  Result<void> check_devices() const;
  Result<void> check_identity() const;
  Result<void> load_superblock();
  Result<UndoState> find_state();
  Result<void> check_log(UndoState state);
  void cut(std::size_t number);
  Result<void> write(std::span<Piece const> pieces, DevicesByRole const& devices);
  Result<void> write_superblock(ConstBytes bytes);
  Result<void> flush(bool log);

  UndoFile file_;
  DevicesByRole devices_;
  std::optional<Geometry> geometry_;
  LogPart log_part_;
  AlignedBytes superblock_, mark_;
  std::vector<Piece> homes_, log_;
  // Made before the first write, which nothing must stop for want of memory.
  AlignedBytes buffer_;
  std::vector<WriteRequest> batch_;
};

Error of_device(Error e, std::size_t role) {
  return with_device(e, static_cast<DeviceRole>(role));
}

/// The devices are those that the file was made of, as far as their sizes tell.
Result<void> Restoration::check_devices() const {
  for (std::size_t role = 0; role < devices_.size(); ++role) {
    u64 const size = contents().device_sizes[role];
    bool const is_log = role == index_of(DeviceRole::log);
    bool const saved = std::ranges::any_of(
        contents().ranges, [&](UndoRange const& r) { return index_of(r.role) == role; });
    if (devices_[role] == nullptr) {
      if (!saved && !(is_log && size != 0)) continue;
      return of_device(refuse(ENODEV, "the undo file needs this device (--log-dev, --rt-dev)"),
                       role);
    }
    u64 const found = devices_[role]->info().size;
    if (found == size) continue;
    Error e = refuse(EINVAL, "the undo file was made for devices of other sizes");
    e.field = "size";
    e.relation = Relation::equal;
    e.found.number = found;
    e.expected.number = size;
    return of_device(e, role);
  }
  return success();
}

Result<void> Restoration::check_identity() const {
  XFSX_TRY(AlignedBytes const now, read_superblock(data()));
  auto const& sb = view_as<disk::Superblock>(now.bytes());
  if (sb.magicnum.value() != disk::superblock_magic) {
    return with_structure(make_error(Errc::not_xfs, EUCLEAN, {}), "sb");
  }
  if (sb.uuid == contents().summary.uuid) return success();
  Error e = refuse(EINVAL, "the undo file is of another filesystem");
  e.field = "uuid";
  e.relation = Relation::equal;
  e.found.uuid = sb.uuid;
  e.expected.uuid = contents().summary.uuid;
  e.found.is_uuid = e.expected.is_uuid = true;
  return e;
}

/// The superblock that comes back, and the mark, which is made of it.
Result<void> Restoration::load_superblock() {
  XFSX_TRY(AlignedBytes bytes, read_superblock(data()));
  u64 const saved = std::min<u64>(bytes.size(), contents().ranges.front().length);
  XFSX_TRYV(file_.read(0, 0, bytes.bytes().first(saved)));
  XFSX_TRY(geometry_, geometry_of(bytes.bytes().first(saved), data()));
  u32 const length = geometry_->sector_size();
  superblock_ = AlignedBytes::uninitialized(length);
  mark_ = AlignedBytes::uninitialized(length);
  std::ranges::copy(bytes.bytes().first(length), superblock_.bytes().begin());
  std::ranges::copy(bytes.bytes().first(length), mark_.bytes().begin());
  edit_as<disk::Superblock>(mark_.bytes()).inprogress = 1;
  if (geometry_->version().self_describing) {
    crc32c_stamp(mark_.bytes(), offsetof(disk::Superblock, crc));
  }
  XFSX_TRY(log_part_, log_part_of(*geometry_));
  return success();
}

/// Divides a range between the log and what lies outside; the superblock has its own turn.
void Restoration::cut(std::size_t number) {
  UndoRange const& range = contents().ranges[number];
  u64 const begin = number == 0 ? superblock_.size() : range.offset;
  auto const add = [&](std::vector<Piece>& pieces, u64 from, u64 to) {
    from = std::max(from, begin);
    to = std::min(to, range.end());
    if (from < to) pieces.push_back({number, from - range.offset, to - from});
  };
  if (range.role != log_part_.role) {
    add(homes_, range.offset, range.end());
    return;
  }
  add(homes_, range.offset, log_part_.begin);
  add(log_, log_part_.begin, log_part_.end);
  add(homes_, log_part_.end, range.end());
}

std::string spelled(UndoLogState const& log) {
  if (!log.known) return "unknown";
  return fmt::format("cycle {} block {}", log.head.cycle(), log.head.block().raw());
}

Error other_log(UndoLogState const& found, UndoLogState const& expected) {
  Error e = refuse(ESTALE, "the filesystem has changed since the undo file was made");
  e.structure = "log";
  e.field = "head";
  e.note = Note(fmt::format("{}, was {}", spelled(found), spelled(expected)));
  return e;
}

Result<UndoState> Restoration::find_state() {
  Result<UndoState> state =
      find_undo_state(file_, devices_, std::as_const(mark_).bytes().first(undo_sector));
  if (state || state.error().errno_class != ESTALE) return state;
  // Where the log has gone on, that says more than the sector that was met first.
  XFSX_TRY(UndoLogState const log, log_state_of(*geometry_, devices_));
  UndoLogState const& after = contents().summary.log_after;
  if (log.known && after.known && log.head != after.head) return other_log(log, after);
  return state;
}

/// What lies in the log beside the ranges of the file has to be what lay there.
Result<void> Restoration::check_log(UndoState state) {
  UndoSummary const& summary = contents().summary;
  if (state == UndoState::done && summary.log_after.known) {
    XFSX_TRY(UndoLogState const now, log_state_of(*geometry_, devices_));
    if (now != summary.log_after) return other_log(now, summary.log_after);
  }
  if (!summary.log_before.known) return success();
  Rehearsal rehearsal(data(), {devices_[index_of(DeviceRole::log)], nullptr});
  DevicesByRole const restored = by_role(rehearsal.data(), rehearsal.further());
  XFSX_TRYV(write(log_, restored));
  XFSX_TRY(UndoLogState const log, log_state_of(*geometry_, restored));
  if (log != summary.log_before) return other_log(log, summary.log_before);
  return success();
}

Result<UndoState> Restoration::prepare() {
  XFSX_TRYV(check_devices());
  XFSX_TRYV(check_identity());
  XFSX_TRYV(load_superblock());
  for (std::size_t n = 0; n < contents().ranges.size(); ++n) cut(n);
  buffer_ = AlignedBytes::uninitialized(batch_bytes);
  batch_.reserve(batch_bytes / AlignedBytes::alignment);
  XFSX_TRY(UndoState const state, find_state());
  XFSX_TRYV(check_log(state));
  return state;
}

Result<void> Restoration::reserve() {
  for (UndoRange const& range : contents().ranges) {
    XFSX_TRYV(devices_[index_of(range.role)]->reserve(range.offset, range.length));
  }
  return success();
}

Result<void> Restoration::write(std::span<Piece const> pieces, DevicesByRole const& devices) {
  u64 used = 0;
  BlockDevice* device = nullptr;
  auto const hand_over = [&]() -> Result<void> {
    if (batch_.empty()) return success();
    XFSX_TRYV(device->write(batch_));
    batch_.clear();
    used = 0;
    return success();
  };
  batch_.clear();
  for (Piece const& piece : pieces) {
    UndoRange const& range = contents().ranges[piece.range];
    BlockDevice* const its_device = devices[index_of(range.role)];
    for (u64 done = 0; done < piece.length;) {
      u64 const count = std::min(piece.length - done, request_bytes);
      if (its_device != device || used + count > buffer_.size()) {
        XFSX_TRYV(hand_over());
      }
      device = its_device;
      Bytes const bytes = buffer_.bytes().subspan(used, count);
      XFSX_TRYV(file_.read(piece.range, piece.from + done, bytes));
      batch_.push_back({range.offset + piece.from + done, bytes});
      done += count;
      used += round_up<u64>(count, AlignedBytes::alignment);
    }
  }
  return hand_over();
}

Result<void> Restoration::write_superblock(ConstBytes bytes) {
  WriteRequest const request{0, bytes};
  return data().write_durable({&request, 1});
}

/// Makes stable what was written to the devices, of the log or of all the rest.
Result<void> Restoration::flush(bool log) {
  std::array<bool, 3> touched{};
  for (Piece const& piece : log ? log_ : homes_) {
    touched[index_of(contents().ranges[piece.range].role)] = true;
  }
  for (std::size_t role = 0; role < devices_.size(); ++role) {
    if (!touched[role]) continue;
    XFSX_TRYV(devices_[role]->flush());
  }
  return success();
}

Result<void> Restoration::run() {
  XFSX_TRYV(write_superblock(mark_.bytes()));
  XFSX_TRYV(write(homes_, devices_));
  XFSX_TRYV(flush(false));
  XFSX_TRYV(write(log_, devices_));
  XFSX_TRYV(flush(true));
  return write_superblock(superblock_.bytes());
}

Error interrupted(Error const& cause) {
  Error const e = with_image(cause, ImageState::unknown);
  return e.note.view().empty() ? with_note(e, "the same undo can be run again") : e;
}

}  // namespace

std::string_view to_string(UndoState state) {
  switch (state) {
    case UndoState::done:
      return "done";
    case UndoState::begun:
      return "begun";
    case UndoState::undoing:
      return "undoing";
    case UndoState::restored:
      return "restored";
  }
  return "unknown";
}

Result<UndoReport> plan_undo(BlockDevice& data, FurtherDevices const& further,
                             std::string const& file) {
  return guarded([&]() -> Result<UndoReport> {
    XFSX_TRY(UndoFile opened, UndoFile::open(file));
    UndoSummary const summary = opened.contents().summary;
    Restoration restoration(std::move(opened), by_role(data, further));
    XFSX_TRY(UndoState const found, restoration.prepare());
    return UndoReport{summary, found};
  });
}

Result<UndoReport> undo(BlockDevice& data, FurtherDevices const& further, std::string const& file,
                        UndoOptions const& options) {
  return guarded([&]() -> Result<UndoReport> {
    XFSX_TRY(UndoFile opened, UndoFile::open(file));
    UndoSummary const summary = opened.contents().summary;
    Restoration restoration(std::move(opened), by_role(data, further));
    XFSX_TRY(UndoState const found, restoration.prepare());
    if (found == UndoState::restored) return UndoReport{summary, found};
    XFSX_TRYV(restoration.reserve());
    if (options.cancelled && options.cancelled()) {
      return make_error(Errc::cancelled, ECANCELED, "cancelled before the first write");
    }
    if (options.on_write) options.on_write();
    Result<void> const done = restoration.run();
    if (!done) return interrupted(done.error());
    return UndoReport{summary, found};
  });
}

}  // namespace xfsx::inline v0
