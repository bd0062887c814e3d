#include "device/slice.h"

#include "base/checked.h"
#include "device/guard.h"

namespace xfsx::inline v0 {

Result<std::unique_ptr<BlockDevice>> SliceDevice::make(std::unique_ptr<BlockDevice> whole,
                                                       u64 offset) {
  u64 const size = whole->info().size;
  if (offset >= size) {
    return device_error(Errc::refused, EINVAL, "the offset is past the end of the device", offset);
  }
  return make(std::move(whole), offset, size - offset, 0);
}

Result<std::unique_ptr<BlockDevice>> SliceDevice::make(std::unique_ptr<BlockDevice> whole,
                                                       u64 offset, u64 size, u32 partition) {
  return guarded([&]() -> Result<std::unique_ptr<BlockDevice>> {
    DeviceInfo const info = whole->info();
    if (!info.write_protected && offset % info.logical_sector != 0) {
      return device_error(Errc::refused, EINVAL, "the offset is inside a sector", offset);
    }
    std::unique_ptr<BlockDevice> slice =
        std::make_unique<SliceDevice>(std::move(whole), offset, size, partition);
    return slice;
  });
}

SliceDevice::SliceDevice(std::unique_ptr<BlockDevice> whole, u64 offset, u64 size, u32 partition)
    : whole_(std::move(whole)), offset_(offset), size_(size), partition_(partition) {
  writes_.reserve(steady_batch);
}

DeviceInfo SliceDevice::info() const {
  DeviceInfo info = whole_->info();
  info.size = size_;
  info.offset += offset_;
  info.partition = partition_;
  return info;
}

DeviceStats SliceDevice::stats() const {
  return whole_->stats();
}

namespace {

u64 length_of(ReadRequest const& request) {
  return request.into.size();
}
u64 length_of(WriteRequest const& request) {
  return request.from.size();
}

}  // namespace

template <class Request>
Result<void> SliceDevice::move(std::span<Request const> batch, std::vector<Request>& moved) const {
  moved.clear();
  for (Request request : batch) {
    if (!range_inside(request.offset, length_of(request), size_)) {
      return device_error(Errc::truncated, 0, "request past the end of the device", request.offset);
    }
    request.offset += offset_;
    moved.push_back(request);
  }
  return success();
}

template <class Request>
Result<void> SliceDevice::forward(std::span<Request const> batch, std::vector<Request>& moved,
                                  Result<void> (BlockDevice::*call)(std::span<Request const>)) {
  return guarded([&]() -> Result<void> {
    XFSX_TRYV(move(batch, moved));
    Result<void> const result = ((*whole_).*call)(moved);
    if (result) return success();
    Error e = result.error();
    if (e.address_kind == AddressKind::byte && e.address >= offset_) e.address -= offset_;
    return e;
  });
}

Result<void> SliceDevice::read(std::span<ReadRequest const> batch) {
  return forward(batch, reads_, &BlockDevice::read);
}

Result<void> SliceDevice::write(std::span<WriteRequest const> batch) {
  return forward(batch, writes_, &BlockDevice::write);
}

Result<void> SliceDevice::flush() {
  return whole_->flush();
}

Result<void> SliceDevice::write_durable(std::span<WriteRequest const> batch) {
  return forward(batch, writes_, &BlockDevice::write_durable);
}

Result<void> SliceDevice::reserve(u64 offset, u64 length) {
  if (!range_inside(offset, length, size_)) {
    return make_error(Errc::truncated, EINVAL, "reserving room past the end of the slice");
  }
  return whole_->reserve(offset_ + offset, length);
}

}  // namespace xfsx::inline v0
