#pragma once
// A filesystem's devices as one disk, so that a power failure is one of all of them: its own,
// behind it the external log and the realtime device, where it has them.

#include "recovery/recovery.h"
#include "testing/memory_device.h"

#include <memory>
#include <string>

namespace xfsx::test {

class WholeDisk {
 public:
  /// Loads images, packed or not; empty: there is none. Throws Exception.
  WholeDisk(std::string const& image, std::string const& log, std::string const& realtime);

  /// As it was loaded.
  [[nodiscard]] MemoryDevice const& before() const { return *before_; }

  [[nodiscard]] u64 bytes() const { return bytes_; }
  [[nodiscard]] u64 log_bytes() const { return log_bytes_; }
  [[nodiscard]] u64 realtime_bytes() const { return realtime_bytes_; }

  /// Where the log lies on the disk, in bytes.
  [[nodiscard]] u64 log_begin() const { return log_begin_; }
  [[nodiscard]] u64 log_end() const { return log_end_; }

  struct Recovered {
    RecoverReport report;
    bool home_first = false;  ///< the log was full: Linux may refuse what comes before the commit
  };

  /// Recovers what lies on `disk`, whose parts are where those of this one are; the same each time.
  /// `early`: inode clusters go home first, however few they are.
  [[nodiscard]] Result<Recovered> recover(BlockDevice& disk, SealOptions const& options,
                                          bool early = false) const;

 private:
  std::unique_ptr<MemoryDevice> before_;
  u64 bytes_ = 0, log_bytes_ = 0, realtime_bytes_ = 0;
  u64 log_begin_ = 0, log_end_ = 0;
};

}  // namespace xfsx::test
