#include "recovery/whole_disk.h"

#include <vector>

namespace xfsx::test {

namespace {

// Times that recovery sets have to be the same in each run.
constexpr Timestamp recovery_time{1'900'000'000, 123'456'789};

/// A part of another device. A flush is one of the whole, so what this device's flush makes durable
/// counts for the others too.
class Part final : public BlockDevice {
 public:
  Part(BlockDevice& whole, u64 begin, u64 size) : whole_(whole), begin_(begin), size_(size) {}

  [[nodiscard]] DeviceInfo info() const override {
    DeviceInfo info = whole_.info();
    info.size = size_;
    return info;
  }
  Result<void> read(std::span<ReadRequest const> batch) override {
    std::vector<ReadRequest> moved(batch.begin(), batch.end());
    for (ReadRequest& request : moved) request.offset += begin_;
    return whole_.read(moved);
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    return whole_.write(moved_on(batch));
  }
  Result<void> flush() override { return whole_.flush(); }
  Result<void> write_durable(std::span<WriteRequest const> batch) override {
    return whole_.write_durable(moved_on(batch));
  }

 private:
  [[nodiscard]] std::vector<WriteRequest> moved_on(std::span<WriteRequest const> batch) const {
    std::vector<WriteRequest> moved(batch.begin(), batch.end());
    for (WriteRequest& request : moved) request.offset += begin_;
    return moved;
  }

  BlockDevice& whole_;
  u64 begin_, size_;
};

/// The devices that lie on a disk.
struct Parts {
  Parts(BlockDevice& disk, WholeDisk const& of)
      : data(disk, 0, of.bytes()),
        log(disk, of.bytes(), of.log_bytes()),
        realtime(disk, of.bytes() + of.log_bytes(), of.realtime_bytes()) {
    if (of.log_bytes() != 0) further.log = &log;
    if (of.realtime_bytes() != 0) further.realtime = &realtime;
  }

  Part data, log, realtime;
  FurtherDevices further;
};

/// Copies a disk into another one.
void put(MemoryDevice& into, u64 offset, MemoryDevice const& from) {
  for (u64 at = 0; at < from.info().size;) {
    ConstBytes const piece = from.piece_at(at);
    into.poke(offset + at, piece);
    at += piece.size();
  }
}

std::unique_ptr<MemoryDevice> load(std::string const& image) {
  if (image.empty()) return std::make_unique<MemoryDevice>(0);
  return load_gz_image(image).value();
}

}  // namespace

WholeDisk::WholeDisk(std::string const& image, std::string const& log_image,
                     std::string const& realtime_image) {
  std::unique_ptr<MemoryDevice> const data = load(image), log = load(log_image),
                                      realtime = load(realtime_image);
  bytes_ = data->info().size;
  log_bytes_ = log->info().size;
  realtime_bytes_ = realtime->info().size;
  OpenOptions open;
  if (log_bytes_ != 0) open.devices.log = log.get();
  if (realtime_bytes_ != 0) open.devices.realtime = realtime.get();
  u32 const sector = Filesystem::open(*data, open).value()->info().value().sector_size;
  before_ = std::make_unique<MemoryDevice>(bytes_ + log_bytes_ + realtime_bytes_, sector);
  put(*before_, 0, *data);
  put(*before_, bytes_, *log);
  put(*before_, bytes_ + log_bytes_, *realtime);

  Parts parts(*before_, *this);
  std::unique_ptr<Volume> const volume = Volume::open(parts.data, parts.further).value();
  LogPlace const place = place_log(volume->geometry(), parts.data, parts.further.log).value();
  log_begin_ = place.log.byte_of(LogBlock(0)) + (log_bytes_ != 0 ? bytes_ : 0);
  log_end_ = log_begin_ + u64{place.log.blocks} * basic_block_size;
}

Result<WholeDisk::Recovered> WholeDisk::recover(BlockDevice& disk, SealOptions const& options,
                                                bool early) const {
  Parts parts(disk, *this);
  RecoverRequest request;
  request.devices = parts.further;
  request.now = recovery_time;
  XFSX_TRY(std::unique_ptr<Recovery> const recovery, Recovery::prepare(parts.data, request));
  if (recovery->was_clean()) return Recovered{recovery->report(), false};
  if (early) {
    XFSX_TRYV(recovery->judge(0));
  }
  XFSX_TRYV(recovery->run(options));
  return Recovered{recovery->report(), recovery->goes_home_first()};
}

}  // namespace xfsx::test
