#include "undo/rehearsal.h"

#include "base/checked.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace xfsx::inline v0 {

/// One device of a rehearsal.
class Rehearsal::Device final : public BlockDevice {
 public:
  Device(Rehearsal& all, BlockDevice& below, DeviceRole role)
      : all_(all), below_(below), role_(role) {}

  [[nodiscard]] DeviceInfo info() const override { return below_.info(); }
  Result<void> read(std::span<ReadRequest const> batch) override {
    XFSX_TRYV(below_.read(batch));
    for (ReadRequest const& request : batch) lay_over(request);
    return success();
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    return keep(batch, Step::Kind::write);
  }
  Result<void> flush() override {
    all_.steps_.push_back({role_, Step::Kind::flush, {}});
    return success();
  }
  Result<void> write_durable(std::span<WriteRequest const> batch) override {
    return keep(batch, Step::Kind::write_durable);
  }
  Result<void> reserve(u64 offset, u64 length) override { return below_.reserve(offset, length); }
  [[nodiscard]] DeviceStats stats() const override { return below_.stats(); }

 private:
  using Place = std::map<u64, ConstBytes>::iterator;

  Result<void> keep(std::span<WriteRequest const> batch, Step::Kind kind);
  void put(WriteRequest const& request);
  void lay_over(ReadRequest const& request);
  /// The first piece that ends behind byte `offset`.
  Place first_behind(u64 offset);

  Rehearsal& all_;
  BlockDevice& below_;
  DeviceRole role_;
  std::map<u64, ConstBytes> latest_;  // by byte offset; they do not overlap
};

Rehearsal::Device::Place Rehearsal::Device::first_behind(u64 offset) {
  Place place = latest_.upper_bound(offset);
  if (place == latest_.begin()) return place;
  Place const before = std::prev(place);
  return before->first + before->second.size() > offset ? before : place;
}

void Rehearsal::Device::put(WriteRequest const& request) {
  u64 const start = request.offset;
  u64 const end = start + request.from.size();
  for (Place place = first_behind(start); place != latest_.end() && place->first < end;) {
    u64 const at = place->first;
    ConstBytes const old = place->second;
    place = latest_.erase(place);
    if (at < start) latest_[at] = old.first(start - at);
    if (at + old.size() > end) latest_[end] = old.subspan(end - at);
  }
  latest_[start] = request.from;
}

void Rehearsal::Device::lay_over(ReadRequest const& request) {
  u64 const end = request.offset + request.into.size();
  for (Place place = first_behind(request.offset); place != latest_.end() && place->first < end;
       ++place) {
    u64 const from = std::max(place->first, request.offset);
    u64 const to = std::min(place->first + place->second.size(), end);
    std::ranges::copy(place->second.subspan(from - place->first, to - from),
                      request.into.begin() + static_cast<std::ptrdiff_t>(from - request.offset));
  }
}

Result<void> Rehearsal::Device::keep(std::span<WriteRequest const> batch, Step::Kind kind) {
  u64 const size = below_.info().size;
  Step step{role_, kind, {}};
  for (WriteRequest const& request : batch) {
    if (!range_inside<u64>(request.offset, request.from.size(), size)) {
      Error e = make_error(Errc::truncated, EIO, "a write behind the end of the device");
      e.address_kind = AddressKind::byte;
      e.address = request.offset;
      return with_device(e, role_);
    }
    if (request.from.empty()) continue;
    AlignedBytes& copy = all_.memory_.emplace_back(all_.pool_.take(request.from.size()));
    std::ranges::copy(request.from, copy.bytes().begin());
    step.writes.push_back({request.offset, std::as_const(copy).bytes()});
  }
  for (WriteRequest const& request : step.writes) put(request);
  all_.steps_.push_back(std::move(step));
  return success();
}

Rehearsal::Rehearsal(BlockDevice& data, FurtherDevices const& further)
    : below_(by_role(data, further)) {
  for (DeviceRole const role : {DeviceRole::data, DeviceRole::log, DeviceRole::realtime}) {
    std::size_t const i = index_of(role);
    if (below_[i] != nullptr) devices_[i] = std::make_unique<Device>(*this, *below_[i], role);
  }
}

Rehearsal::~Rehearsal() = default;

BlockDevice& Rehearsal::data() {
  return *devices_[index_of(DeviceRole::data)];
}

FurtherDevices Rehearsal::further() {
  return {devices_[index_of(DeviceRole::log)].get(),
          devices_[index_of(DeviceRole::realtime)].get()};
}

Result<void> Rehearsal::do_again(Step const& step) {
  BlockDevice& device = *below_[index_of(step.role)];
  switch (step.kind) {
    case Step::Kind::write:
      return device.write(step.writes);
    case Step::Kind::flush:
      return device.flush();
    case Step::Kind::write_durable:
      break;
  }
  return device.write_durable(step.writes);
}

Result<void> Rehearsal::carry_out() {
  for (Step const& step : steps_) {
    XFSX_TRYV(do_again(step));
  }
  return success();
}

}  // namespace xfsx::inline v0
