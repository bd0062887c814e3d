#include "fuzz/support/recovery_promises.h"

#include "base/view.h"
#include "disk/log.h"
#include "fuzz/support/target.h"
#include "fuzz/support/written_pages.h"
#include "recovery/recovery.h"

#include <algorithm>
#include <cstdio>
#include <optional>
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
    if (pages_.empty()) return success();
    for (ReadRequest const& request : batch) pages_.lay_over(request.offset, request.into);
    return success();
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    for (WriteRequest const& request : batch) {
      XFSX_TRYV(write(request));
    }
    return success();
  }

  /// From now on, writes are judged by where the log lies and in which cycle it is.
  void allow(LogGeometry const& log, u32 cycle) {
    log_ = log;
    cycle_ = cycle;
  }
  [[nodiscard]] bool was_written() const { return !pages_.empty(); }

 private:
  Result<void> write(WriteRequest const& request) {
    promise(cycle_.has_value(), "a write before all is decided");
    must(request.offset % sector == 0 && request.from.size() % sector == 0);
    u64 const size = info().size;
    must(request.offset <= size && request.from.size() <= size - request.offset);
    u64 const log = log_.byte_of(LogBlock(0)), log_end = log_.byte_of(LogBlock(log_.blocks));
    u64 const begin = std::clamp(request.offset, log, log_end);
    u64 const end = std::clamp(request.offset + request.from.size(), log, log_end);
    for (u64 at = begin; at < end; at += sector) {
      u32 const word = view_as<be32>(request.from, at - request.offset).value();
      promise(is_of_log(word), "no log block in the log");
    }
    return pages_.write(request.offset, request.from, [this](u64 offset, Bytes into) {
      u64 const left = info().size - offset;
      ReadRequest const whole{offset, into.first(std::min<u64>(into.size(), left))};
      return below_.read({&whole, 1});
    });
  }
  /// Blocks of the log begin with the magic number of records or the number of a cycle.
  [[nodiscard]] bool is_of_log(u32 word) const {
    return word == disk::log_record_magic || word + 1 - *cycle_ <= 2;
  }

  BlockDevice& below_;
  LogGeometry log_;
  std::optional<u32> cycle_;
  WrittenPages pages_;
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

Result<Geometry> geometry_of(BlockDevice& disk) {
  DeviceInfo const info = disk.info();
  constexpr u64 largest_sector = 32768;
  std::vector<std::byte> head(std::min(largest_sector, info.size));
  ReadRequest const request{0, head};
  XFSX_TRYV(disk.read({&request, 1}));
  return Geometry::from_superblock(head, {info.size, info.logical_sector});
}

/// Another recovery finds nothing to do.
void check_clean(BlockDevice& disk, RecoverRequest const& request) {
  Result<std::unique_ptr<Recovery>> const again = Recovery::prepare(disk, request);
  promise(again);
  promise(again.value()->was_clean(), "there is something to recover afterwards");
}

}  // namespace

void check_recovery(BlockDevice& disk, bool salvage) {
  Watched watched(disk);
  RecoverRequest request;
  request.salvage = salvage;
  request.now = {1'700'000'000, 0};
  Result<Geometry> const before = geometry_of(watched);
  Result<std::unique_ptr<Recovery>> const prepared = Recovery::prepare(watched, request);
  must(!watched.was_written());
  if (!prepared) return check_error(prepared.error());
  Recovery& recovery = *prepared.value();
  if (recovery.was_clean()) return;
  Result<void> const judged = recovery.judge();
  must(!watched.was_written());
  if (!judged) return check_error(judged.error());

  promise(before);
  Result<LogPlace> const place = place_log(before.value(), watched, nullptr);
  promise(place);
  watched.allow(place.value().log, recovery.report().head.cycle());
  promise(recovery.run({}));
  check_clean(watched, request);
}

}  // namespace xfsx::fuzz
