#include "undo/sector_states.h"

#include "base/crc32c.h"
#include "cache/aligned_bytes.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace xfsx::inline v0 {

namespace {

constexpr u64 chunk_bytes = u64{1} << 20;

/// What a change once wrote to a sector.
struct Version {
  DeviceRole role = DeviceRole::data;
  u64 offset = 0;  ///< bytes
  u32 crc = 0;
  std::size_t turn = 0;  ///< among all that the change wrote

  [[nodiscard]] auto place() const { return std::tuple(role, offset); }
  [[nodiscard]] auto place_and_turn() const { return std::tuple(role, offset, turn); }
};

/// All versions, by place, those of one sector in the order in which they were written.
std::vector<Version> versions_of(UndoContents const& contents) {
  std::vector<Version> versions;
  versions.reserve(contents.checksums.size());
  for (UndoRange const& write : contents.writes) {
    for (u64 at = write.offset; at < write.end(); at += undo_sector) {
      std::size_t const turn = versions.size();
      versions.push_back({write.role, at, contents.checksums[turn], turn});
    }
  }
  std::ranges::sort(versions, {}, &Version::place_and_turn);
  return versions;
}

Error moved_on(DeviceRole role, u64 offset) {
  Error e = refuse(ESTALE, "is neither as it was before the change nor as the change left it");
  e.device = role;
  e.address_kind = AddressKind::byte;
  e.address = offset;
  return e;
}

class Judge {
 public:
  Judge(UndoFile const& file, ConstBytes mark)
      : file_(file),
        mark_(mark),
        versions_(versions_of(file.contents())),
        next_(versions_),
        now_(AlignedBytes::uninitialized(chunk_bytes)),
        old_(AlignedBytes::uninitialized(chunk_bytes)) {}

  Result<void> look_at(std::size_t number, BlockDevice& device) {
    UndoRange const& range = file_.contents().ranges[number];
    for (u64 from = 0; from < range.length; from += chunk_bytes) {
      u64 const count = std::min(range.length - from, chunk_bytes);
      ReadRequest const request{range.offset + from, now_.bytes().first(count)};
      XFSX_TRYV(device.read({&request, 1}));
      XFSX_TRYV(file_.read(number, from, old_.bytes().first(count)));
      for (u64 at = 0; at < count; at += undo_sector) {
        XFSX_TRYV(judge(range.role, range.offset + from + at, at));
      }
    }
    return success();
  }

  [[nodiscard]] UndoState state() const {
    if (marked_) return UndoState::undoing;
    if (all_old_) return UndoState::restored;
    return all_done_ ? UndoState::done : UndoState::begun;
  }

 private:
  /// What the change wrote to a sector. Sectors are asked for in rising order.
  std::span<Version const> versions_at(DeviceRole role, u64 offset) {
    auto const place = std::tuple(role, offset);
    while (!next_.empty() && next_.front().place() < place) next_ = next_.subspan(1);
    std::size_t count = 0;
    while (count < next_.size() && next_[count].place() == place) ++count;
    std::span<Version const> const found = next_.first(count);
    next_ = next_.subspan(count);
    return found;
  }

  /// The sector at byte `offset` of a device, which lies at `at` of the chunk.
  Result<void> judge(DeviceRole role, u64 offset, u64 at) {
    ConstBytes const now = std::as_const(now_).bytes().subspan(at, undo_sector);
    ConstBytes const old = std::as_const(old_).bytes().subspan(at, undo_sector);
    std::span<Version const> const written = versions_at(role, offset);
    if (role == DeviceRole::data && offset == 0 && std::ranges::equal(now, mark_)) {
      marked_ = true;
      return success();
    }
    bool const is_old = std::ranges::equal(now, old);
    all_old_ = all_old_ && is_old;
    if (written.empty()) return is_old ? Result<void>(success()) : moved_on(role, offset);
    u32 const crc = Crc32c().feed(now).value();
    all_done_ = all_done_ && crc == written.back().crc;
    bool const known = is_old || std::ranges::find(written, crc, &Version::crc) != written.end();
    return known ? Result<void>(success()) : moved_on(role, offset);
  }

  UndoFile const& file_;
  ConstBytes mark_;
  std::vector<Version> versions_;
  std::span<Version const> next_;
  AlignedBytes now_, old_;
  bool marked_ = false, all_old_ = true, all_done_ = true;
};

}  // namespace

Result<UndoState> find_undo_state(UndoFile const& file, DevicesByRole const& devices,
                                  ConstBytes mark) {
  Judge judge(file, mark);
  std::vector<UndoRange> const& ranges = file.contents().ranges;
  for (std::size_t n = 0; n < ranges.size(); ++n) {
    XFSX_TRYV(judge.look_at(n, *devices[index_of(ranges[n].role)]));
  }
  return judge.state();
}

}  // namespace xfsx::inline v0
