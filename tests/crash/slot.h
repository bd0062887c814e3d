#pragma once
// An image file that is one disk after another. Whoever judges it may change it in between: only
// what differs from the next disk is written.

#include "device/unique_fd.h"
#include "testing/memory_device.h"
#include "testing/recording_device.h"

#include <set>
#include <string>

namespace xfsx::test {

/// Pieces of a disk that may be anything but zeros, by number.
class Pieces {
 public:
  static constexpr u64 size = 65536;

  /// Those of `before` that are not zero and those that `recording` writes.
  Pieces(MemoryDevice const& before, Recording const& recording);

  void add(u64 offset, u64 length);
  [[nodiscard]] std::set<u64> const& numbers() const { return numbers_; }

 private:
  std::set<u64> numbers_;
};

class Slot {
 public:
  /// A new or emptied file of `size` bytes. Throws std::system_error.
  Slot(std::string path, u64 size);
  ~Slot();
  Slot(Slot const&) = delete;
  Slot& operator=(Slot const&) = delete;

  /// Makes the file equal to `disk`, which is zero outside `pieces`.
  void become(MemoryDevice const& disk, Pieces const& pieces);

  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  void add_own(Pieces& pieces) const;

  std::string path_;
  u64 size_;
  UniqueFd file_;
  std::byte* mapped_ = nullptr;  // the whole file
};

}  // namespace xfsx::test
