#pragma once
// The one object that the lower rooms share: device, geometry, cache and the state of the log.

#include "cache/buffer_cache.h"
#include "log/log_geometry.h"

namespace xfsx::inline v0 {

class Volume {
 public:
  /// Reads and checks the superblock and finds the head of the log; writes nothing. A log that
  /// cannot be understood, or whose device was not given, is no error here: `log()` keeps what was
  /// wrong with it. Errors: those of Geometry::from_superblock, io, truncated; refused EINVAL for a
  /// further device that the filesystem does not have, truncated for one that is too small.
  static Result<std::unique_ptr<Volume>> open(BlockDevice& device,
                                              FurtherDevices const& further = {});
  /// The same where the state of the log is known.
  static Result<std::unique_ptr<Volume>> open(BlockDevice& device, FurtherDevices const& further,
                                              LogState const& log);

  [[nodiscard]] BlockDevice& device() { return device_; }
  /// The device of an external log; null if there is none or it was not given.
  [[nodiscard]] BlockDevice* log_device() { return further_.log; }
  /// The device of realtime files, which may be the data device. Errors: refused ENODEV if it was
  /// not given.
  [[nodiscard]] Result<BlockDevice*> realtime_device();
  /// True if there is an external log that was not given.
  [[nodiscard]] bool log_is_missing() const;
  [[nodiscard]] Geometry const& geometry() const { return geometry_; }
  [[nodiscard]] BufferCache& cache() { return cache_; }
  /// The log as it was found at open, or as the last commit left it.
  [[nodiscard]] Result<LogState> const& log() const { return log_; }
  void set_log(LogState const& state);

  /// After a failure in the middle of a commit: nothing is written any more, the first error is
  /// kept.
  void shut_down(Error const& cause);
  /// Errors: shut_down, with what caused it.
  [[nodiscard]] Result<void> check_alive() const;

 private:
  Volume(BlockDevice& device, FurtherDevices const& further, Geometry const& geometry,
         Result<LogState> const& log);

  BlockDevice& device_;
  FurtherDevices further_;
  Geometry geometry_;
  BufferCache cache_;
  Result<LogState> log_;
  std::optional<Error> shut_down_;
};

}  // namespace xfsx::inline v0
