#pragma once
// A part of a device as a device of its own: a filesystem that starts at a byte offset.

#include <xfsx/device.h>

#include <memory>
#include <vector>

namespace xfsx::inline v0 {

class SliceDevice final : public BlockDevice {
 public:
  /// From `offset` to the end of `whole`. Errors: refused EINVAL for an offset past the end, or one
  /// at which a device that can be written has no sector boundary.
  static Result<std::unique_ptr<BlockDevice>> make(std::unique_ptr<BlockDevice> whole, u64 offset);
  /// `size` bytes of `whole`, which has them, as partition `partition`. Errors as above.
  static Result<std::unique_ptr<BlockDevice>> make(std::unique_ptr<BlockDevice> whole, u64 offset,
                                                   u64 size, u32 partition);

  SliceDevice(std::unique_ptr<BlockDevice> whole, u64 offset, u64 size, u32 partition);

  [[nodiscard]] DeviceInfo info() const override;
  Result<void> read(std::span<ReadRequest const> batch) override;
  Result<void> write(std::span<WriteRequest const> batch) override;
  Result<void> flush() override;
  Result<void> write_durable(std::span<WriteRequest const> batch) override;
  Result<void> reserve(u64 offset, u64 length) override;
  [[nodiscard]] DeviceStats stats() const override;

 private:
  template <class Request>
  Result<void> move(std::span<Request const> batch, std::vector<Request>& moved) const;
  template <class Request>
  Result<void> forward(std::span<Request const> batch, std::vector<Request>& moved,
                       Result<void> (BlockDevice::*call)(std::span<Request const>));

  std::unique_ptr<BlockDevice> whole_;
  u64 offset_;
  u64 size_;
  u32 partition_;
  // Kept from call to call, so that a steady stream of batches allocates nothing.
  std::vector<ReadRequest> reads_;
  std::vector<WriteRequest> writes_;
};

}  // namespace xfsx::inline v0
