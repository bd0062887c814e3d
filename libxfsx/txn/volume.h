#pragma once
// The one object that the lower rooms share: device, geometry, cache and the state of the log.

#include "cache/buffer_cache.h"
#include "log/log_geometry.h"

namespace xfsx::inline v0 {

class Volume {
 public:
  /// Reads and checks the superblock and finds the head of the log; writes nothing. A log that
  /// cannot be understood is no error here: `log()` keeps what was wrong with it. Errors: those of
  /// Geometry::from_superblock, io, truncated.
  static Result<std::unique_ptr<Volume>> open(BlockDevice& device);

  [[nodiscard]] BlockDevice& device() { return device_; }
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
  Volume(BlockDevice& device, Geometry const& geometry);

  BlockDevice& device_;
  Geometry geometry_;
  BufferCache cache_;
  Result<LogState> log_;
  std::optional<Error> shut_down_;
};

}  // namespace xfsx::inline v0
