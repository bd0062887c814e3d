#pragma once
// A device as it will be once recovery has written its blocks. It is only read.

#include "recovery/replayed_blocks.h"

namespace xfsx::inline v0 {

class ReplayedDevice final : public BlockDevice {
 public:
  explicit ReplayedDevice(ReplayedBlocks const& blocks) : blocks_(blocks) {}

  [[nodiscard]] DeviceInfo info() const override { return blocks_.device().info(); }
  Result<void> read(std::span<ReadRequest const> batch) override;
  Result<void> write(std::span<WriteRequest const> batch) override;
  Result<void> flush() override { return success(); }
  [[nodiscard]] DeviceStats stats() const override { return blocks_.device().stats(); }

 private:
  ReplayedBlocks const& blocks_;
};

}  // namespace xfsx::inline v0
