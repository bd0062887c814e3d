#pragma once
// A device that fails where a test says: the n-th read, write, flush or reserve. A test counts n up
// from 1 until the operation passes with the fault never reached.

#include <xfsx/device.h>

#include <array>
#include <optional>

namespace xfsx::inline v0 {

enum class DeviceCall : u8 { read, write, flush, reserve };

struct Fault {
  DeviceCall call = DeviceCall::read;
  u64 nth = 1;           ///< which call of its kind fails, from 1; batches count once
  u64 torn_sectors = 0;  ///< of a failing write: sectors from its start that reach the device
  bool dead = false;     ///< every call after it fails too, of any kind
  Errc code = Errc::io;
  int errno_class = EIO;
};

/// Passes everything on to another device but for the fault that is armed. write_durable counts as
/// a write and a flush; when its flush fails, its writes have reached the device.
class FaultyDevice final : public BlockDevice {
 public:
  explicit FaultyDevice(BlockDevice& below) : below_(below) {}

  /// Sets the fault, revives the device and starts counting calls again.
  void arm(Fault const& fault);
  void disarm();

  /// True if the armed fault has happened.
  [[nodiscard]] bool fired() const { return fired_; }

  /// Calls of a kind since arm() or the beginning, the failed ones included.
  [[nodiscard]] u64 calls(DeviceCall call) const { return calls_[static_cast<std::size_t>(call)]; }

  [[nodiscard]] DeviceInfo info() const override { return below_.info(); }
  Result<void> read(std::span<ReadRequest const> batch) override;
  Result<void> write(std::span<WriteRequest const> batch) override;
  Result<void> flush() override;
  Result<void> write_durable(std::span<WriteRequest const> batch) override;
  Result<void> reserve(u64 offset, u64 length) override;
  [[nodiscard]] DeviceStats stats() const override { return below_.stats(); }

 private:
  /// Counts a call; an error when it is to fail. `now` tells the failing call from those after it.
  Result<void> pass(DeviceCall call, u64 byte, bool* now = nullptr);
  Result<void> pass_write(std::span<WriteRequest const> batch);
  void write_torn(std::span<WriteRequest const> batch);

  BlockDevice& below_;
  std::optional<Fault> fault_;
  std::array<u64, 4> calls_{};
  bool fired_ = false;
};

}  // namespace xfsx::inline v0
