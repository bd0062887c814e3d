#include "recovery/replayed_device.h"

namespace xfsx::inline v0 {

Result<void> ReplayedDevice::read(std::span<ReadRequest const> batch) {
  XFSX_TRYV(blocks_.device().read(batch));
  for (ReadRequest const& request : batch) blocks_.lay_over(request.offset, request.into);
  return success();
}

Result<void> ReplayedDevice::write(std::span<WriteRequest const> batch) {
  if (batch.empty()) return success();
  return refuse(EROFS, "what the log will make of the image cannot be written to");
}

}  // namespace xfsx::inline v0
