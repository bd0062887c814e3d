#pragma once
// A block device or an image file of the host as a BlockDevice.

#include <xfsx/device.h>

#include "device/engine.h"
#include "device/host_room.h"
#include "device/transfer.h"
#include "device/unique_fd.h"

#include <memory>
#include <optional>

namespace xfsx::inline v0 {

class BlockFile final : public BlockDevice {
 public:
  struct Parts {
    UniqueFd fd;
    DeviceInfo info;        ///< all but the name of the back end
    TransferLimits limits;  ///< what fd asks of requests
    std::unique_ptr<Engine> engine;
  };
  explicit BlockFile(Parts parts);

  [[nodiscard]] DeviceInfo info() const override;
  Result<void> read(std::span<ReadRequest const> batch) override;
  Result<void> write(std::span<WriteRequest const> batch) override;
  Result<void> flush() override;
  Result<void> write_durable(std::span<WriteRequest const> batch) override;
  Result<void> reserve(u64 offset, u64 length) override;
  [[nodiscard]] DeviceStats stats() const override { return stats_; }

 private:
  Result<void> plan_write(std::span<WriteRequest const> batch);
  Result<void> run_writes(int flags);
  Result<void> run(Direction direction, int flags);
  Result<void> check_writable() const;

  Parts parts_;
  HostRoom room_;
  TransferPlan plan_;
  DeviceStats stats_;
  bool unflushed_ = false;
  // The first failed flush. What the host then still holds of our writes is unknown and a second
  // fdatasync would say that all is well, so nothing is written after it.
  std::optional<Error> flush_failure_;
};

}  // namespace xfsx::inline v0
