#include "fuzz/support/recovery_promises.h"

#include "base/view.h"
#include "disk/log.h"
#include "fuzz/support/target.h"
#include "log/find_head.h"
#include "recovery/recovery.h"
#include "txn/volume.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>

namespace xfsx::fuzz {

namespace {

constexpr u64 sector = basic_block_size;

/// A promise, told where it is broken.
void promise(bool holds, std::string const& what) {
  if (!holds) std::fprintf(stderr, "recovery: %s\n", what.c_str());
  must(holds);
}

template <class T>
void promise(Result<T> const& result) {
  promise(result.has_value(), result ? std::string() : describe(result.error()));
}

/// Keeps what is written to itself, and looks at it.
class Watched final : public BlockDevice {
 public:
  explicit Watched(BlockDevice& below) : below_(below) {}

  [[nodiscard]] DeviceInfo info() const override { return below_.info(); }
  Result<void> flush() override { return success(); }
  Result<void> read(std::span<ReadRequest const> batch) override {
    XFSX_TRYV(below_.read(batch));
    for (ReadRequest const& request : batch) {
      u64 const end = request.offset + request.into.size();
      for (auto at = sectors_.lower_bound(request.offset / sector);
           at != sectors_.end() && at->first * sector < end; ++at) {
        u64 const start = at->first * sector;
        u64 const from = std::max(start, request.offset), to = std::min(start + sector, end);
        std::ranges::copy(ConstBytes(at->second).subspan(from - start, to - from),
                          request.into.subspan(from - request.offset).begin());
      }
    }
    return success();
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    for (WriteRequest const& request : batch) write(request);
    return success();
  }

  /// From now on, writes are judged by where the log lies and in which cycle it is.
  void allow(LogGeometry const& log, u32 cycle) {
    log_ = log;
    cycle_ = cycle;
  }
  [[nodiscard]] bool was_written() const { return !sectors_.empty(); }

 private:
  void write(WriteRequest const& request) {
    promise(cycle_.has_value(), "a write before all is decided");
    must(request.offset % sector == 0 && request.from.size() % sector == 0);
    must(request.offset <= info().size && request.from.size() <= info().size - request.offset);
    u64 const log = log_.byte_of(LogBlock(0)), log_end = log_.byte_of(LogBlock(log_.blocks));
    for (std::size_t at = 0; at < request.from.size(); at += sector) {
      ConstBytes const one = request.from.subspan(at, sector);
      u64 const place = request.offset + at;
      bool const in_log = place >= log && place < log_end;
      promise(!in_log || is_of_log(view_as<be32>(one).value()), "no log block in the log");
      std::ranges::copy(one, sectors_[place / sector].begin());
    }
  }
  /// Blocks of the log begin with the magic number of records or the number of a cycle.
  [[nodiscard]] bool is_of_log(u32 word) const {
    return word == disk::log_record_magic || word + 1 - *cycle_ <= 2;
  }

  BlockDevice& below_;
  LogGeometry log_;
  std::optional<u32> cycle_;
  std::map<u64, std::array<std::byte, sector>> sectors_;
};

/// An error says where, unless it is about what this release does not do.
void check_error(Error const& error) {
  bool const damage = error.code == Errc::bad_value || error.code == Errc::bad_crc ||
                      error.code == Errc::loop || error.code == Errc::truncated;
  std::string const told = describe(error);
  promise(!told.empty(), "an error without words");
  bool const located = error.address_kind != AddressKind::none || error.owner != null_inode;
  promise(!damage || located, "not located: " + told);
}

Result<LogState> log_of(BlockDevice& disk) {
  XFSX_TRY(std::unique_ptr<Volume> const volume, Volume::open(disk));
  XFSX_TRY(LogPlace const place, place_log(volume->geometry(), disk, nullptr));
  return find_log_head(place.device, place.log);
}

}  // namespace

void check_recovery(BlockDevice& disk, bool salvage) {
  Watched watched(disk);
  RecoverRequest request;
  request.salvage = salvage;
  request.now = {1'700'000'000, 0};
  Result<std::unique_ptr<Volume>> const before = Volume::open(watched);
  Result<std::unique_ptr<Recovery>> const prepared = Recovery::prepare(watched, request);
  must(!watched.was_written());
  if (!prepared) return check_error(prepared.error());
  Recovery& recovery = *prepared.value();
  if (recovery.was_clean()) return;
  Result<void> const judged = recovery.judge();
  must(!watched.was_written());
  if (!judged) return check_error(judged.error());

  Result<LogPlace> const place = place_log(before.value()->geometry(), watched, nullptr);
  promise(place);
  watched.allow(place.value().log, recovery.report().head.cycle());
  promise(recovery.run({}));
  Result<LogState> const after = log_of(watched);
  promise(after);
  promise(after.value().clean, "the log is dirty afterwards");
  Result<RecoverReport> const again = recover(watched, request);
  promise(again);
  promise(again.value().was_clean, "there is something to recover afterwards");
}

}  // namespace xfsx::fuzz
