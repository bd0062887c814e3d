#pragma once
// Structures of an image as inspect shows them and set and fuzz change them: found without opening
// a filesystem, so that what is damaged elsewhere does not stand in the way.

#include "inspect/inspect.h"
#include "session.h"

namespace xfsx::inline v0::cli {

/// What is asked of the superblock, from which all places are computed.
enum class Strictness : u8 {
  whole,    ///< it passes its verifier
  numbers,  ///< its numbers are usable; a wrong magic or checksum, NEEDSREPAIR and an image that
            ///< ends too early do not matter
};

/// The geometry of what lies on `device`. Errors: those of Geometry::from_superblock, io.
Result<Geometry> read_geometry(BlockDevice& device, Strictness strictness);

/// Reads and decodes what `target` means, the log by its last record. Errors: those of
/// read_geometry (the primary superblock needs none), inspect, and of place_log for the log.
Result<inspect::Inspection> look_at(Devices const& devices, inspect::Target const& target,
                                    Strictness strictness);

/// Makes the checksum of a log record again; `changed` is what will be its first sector. What it
/// covers follows from the header that is on the device. A record without checksum stays without.
Result<void> restamp_log_record(Devices const& devices, inspect::Inspection const& found,
                                Bytes changed);

/// A source of bytes for inspecting.
class DeviceSource : public inspect::ByteSource {
 public:
  explicit DeviceSource(Devices const& devices)
      : device_(*devices.data), realtime_(devices.realtime.get()) {}
  Result<void> read(Daddr at, Bytes into) override;
  Result<void> read_realtime(Daddr at, Bytes into) override;
  [[nodiscard]] bool has_realtime() const override { return realtime_ != nullptr; }

 private:
  BlockDevice& device_;
  BlockDevice* realtime_;
};

}  // namespace xfsx::inline v0::cli
