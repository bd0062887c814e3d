#include "testing/recording_device.h"

#include "device/guard.h"

namespace xfsx::inline v0 {

RecordingDevice::RecordingDevice(BlockDevice& below) : below_(below) {
  recording_.sector = below.info().logical_sector;
}

Result<void> RecordingDevice::write(std::span<WriteRequest const> batch) {
  return guarded([&]() -> Result<void> {
    XFSX_TRYV(below_.write(batch));
    keep(batch, false);
    return success();
  });
}

Result<void> RecordingDevice::flush() {
  return guarded([&]() -> Result<void> {
    XFSX_TRYV(below_.flush());
    add(RecordedEvent::Kind::barrier, {});
    return success();
  });
}

Result<void> RecordingDevice::write_durable(std::span<WriteRequest const> batch) {
  return guarded([&]() -> Result<void> {
    XFSX_TRYV(below_.write_durable(batch));
    keep(batch, true);
    add(RecordedEvent::Kind::barrier, {});
    return success();
  });
}

void RecordingDevice::add(RecordedEvent::Kind kind, std::string name) {
  RecordedEvent event;
  event.kind = kind;
  event.name = std::move(name);
  recording_.events.push_back(std::move(event));
}

void RecordingDevice::mark(std::string name) {
  add(RecordedEvent::Kind::mark, std::move(name));
}

void RecordingDevice::keep(std::span<WriteRequest const> batch, bool durable) {
  for (WriteRequest const& request : batch) {
    if (request.from.empty()) continue;
    RecordedEvent event;
    event.durable = durable;
    event.offset = request.offset;
    event.bytes.assign(request.from.begin(), request.from.end());
    recording_.events.push_back(std::move(event));
  }
}

}  // namespace xfsx::inline v0
