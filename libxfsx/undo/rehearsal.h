#pragma once
// The devices of a filesystem as a change sees them that is to be known before it is done. Writes
// are kept in memory, in their order over all devices, and reads see them; nothing reaches the
// devices below before carry_out().
//
// Only room on the host is asked for at once: a full host disk must stop a change before its first
// write, and asking changes no byte of an image.

#include <xfsx/device.h>

#include "cache/aligned_bytes.h"

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace xfsx::inline v0 {

/// The devices by their roles; null for what is not there.
using DevicesByRole = std::array<BlockDevice*, 3>;

inline DevicesByRole by_role(BlockDevice& data, FurtherDevices const& further) {
  return {&data, further.log, further.realtime};
}

constexpr std::size_t index_of(DeviceRole role) {
  return static_cast<std::size_t>(role);
}

class Rehearsal {
 public:
  /// One call that a change has made.
  struct Step {
    enum class Kind : u8 { write, flush, write_durable };
    DeviceRole role = DeviceRole::data;
    Kind kind = Kind::write;
    std::vector<WriteRequest> writes;
  };

  /// The devices below must live as long as this.
  Rehearsal(BlockDevice& data, FurtherDevices const& further);
  Rehearsal(Rehearsal const&) = delete;
  Rehearsal& operator=(Rehearsal const&) = delete;
  ~Rehearsal();

  /// What the change is given in the place of the devices below.
  [[nodiscard]] BlockDevice& data();
  [[nodiscard]] FurtherDevices further();

  [[nodiscard]] std::span<Step const> steps() const { return steps_; }

  /// Does to the devices below what was done here, without allocating memory. Errors: theirs.
  Result<void> carry_out();

 private:
  class Device;
  Result<void> do_again(Step const& step);

  DevicesByRole below_;
  std::array<std::unique_ptr<Device>, 3> devices_;
  AlignedPool pool_;
  std::vector<AlignedBytes> memory_;
  std::vector<Step> steps_;
};

}  // namespace xfsx::inline v0
