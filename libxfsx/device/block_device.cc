#include <xfsx/device.h>

namespace xfsx::inline v0 {

BlockDevice::~BlockDevice() = default;

Result<void> BlockDevice::write_durable(std::span<WriteRequest const> batch) {
  XFSX_TRYV(write(batch));
  return flush();
}

Result<void> BlockDevice::reserve(u64, u64) {
  return success();
}

}  // namespace xfsx::inline v0
