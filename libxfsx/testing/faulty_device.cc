#include "testing/faulty_device.h"

#include "device/guard.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

template <class Request>
u64 first_byte(std::span<Request const> batch) {
  return batch.empty() ? 0 : batch.front().offset;
}

}  // namespace

void FaultyDevice::arm(Fault const& fault) {
  disarm();
  fault_ = fault;
}

void FaultyDevice::disarm() {
  fault_.reset();
  fired_ = false;
  calls_ = {};
}

Result<void> FaultyDevice::pass(DeviceCall call, u64 byte, bool* now) {
  u64 const count = ++calls_[static_cast<std::size_t>(call)];
  if (!fault_) return success();
  bool const hit = !fired_ && fault_->call == call && fault_->nth == count;
  if (now != nullptr) *now = hit;
  if (!hit && !(fired_ && fault_->dead)) return success();
  fired_ = true;
  return device_error(fault_->code, fault_->errno_class, "injected fault", byte);
}

Result<void> FaultyDevice::read(std::span<ReadRequest const> batch) {
  XFSX_TRYV(pass(DeviceCall::read, first_byte(batch)));
  return below_.read(batch);
}

Result<void> FaultyDevice::pass_write(std::span<WriteRequest const> batch) {
  bool now = false;
  Result<void> const passed = pass(DeviceCall::write, first_byte(batch), &now);
  if (!passed && now) write_torn(batch);
  return passed;
}

void FaultyDevice::write_torn(std::span<WriteRequest const> batch) {
  u64 left = fault_->torn_sectors * below_.info().logical_sector;
  for (WriteRequest const& request : batch) {
    u64 const count = std::min<u64>(left, request.from.size());
    WriteRequest const part{request.offset, request.from.first(count)};
    // The call fails already; whether its torn part arrives adds nothing to that.
    if (count > 0) static_cast<void>(below_.write({&part, 1}).has_value());
    left -= count;
  }
}

Result<void> FaultyDevice::write(std::span<WriteRequest const> batch) {
  XFSX_TRYV(pass_write(batch));
  return below_.write(batch);
}

Result<void> FaultyDevice::flush() {
  XFSX_TRYV(pass(DeviceCall::flush, 0));
  return below_.flush();
}

Result<void> FaultyDevice::write_durable(std::span<WriteRequest const> batch) {
  XFSX_TRYV(pass_write(batch));
  Result<void> const passed = pass(DeviceCall::flush, first_byte(batch));
  if (passed) return below_.write_durable(batch);
  XFSX_TRYV(below_.write(batch));
  return passed;
}

Result<void> FaultyDevice::reserve(u64 offset, u64 length) {
  XFSX_TRYV(pass(DeviceCall::reserve, offset));
  return below_.reserve(offset, length);
}

}  // namespace xfsx::inline v0
