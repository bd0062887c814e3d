#pragma once
// A device that says in its errors which of a filesystem's devices it is.

#include <xfsx/device.h>

#include <memory>

namespace xfsx::inline v0 {

class RoleDevice final : public BlockDevice {
 public:
  RoleDevice(std::unique_ptr<BlockDevice> whole, DeviceRole role)
      : whole_(std::move(whole)), role_(role) {}

  [[nodiscard]] DeviceInfo info() const override { return whole_->info(); }
  Result<void> read(std::span<ReadRequest const> batch) override {
    return labelled(whole_->read(batch));
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    return labelled(whole_->write(batch));
  }
  Result<void> flush() override { return labelled(whole_->flush()); }
  Result<void> write_durable(std::span<WriteRequest const> batch) override {
    return labelled(whole_->write_durable(batch));
  }
  Result<void> reserve(u64 offset, u64 length) override {
    return labelled(whole_->reserve(offset, length));
  }
  [[nodiscard]] DeviceStats stats() const override { return whole_->stats(); }

 private:
  [[nodiscard]] Result<void> labelled(Result<void> done) const {
    if (done) return done;
    return with_device(done.error(), role_);
  }

  std::unique_ptr<BlockDevice> whole_;
  DeviceRole role_;
};

}  // namespace xfsx::inline v0
