#pragma once
// Memory that any device can read into and write from without a copy.

#include "base/view.h"

#include <memory>

namespace xfsx::inline v0 {

class AlignedBytes {
 public:
  static constexpr std::size_t alignment = 4096;

  AlignedBytes() = default;
  /// Zeroed bytes. Throws std::bad_alloc.
  explicit AlignedBytes(std::size_t size);
  /// Bytes whose values are left as they come: for memory that is written before it is read.
  /// Throws std::bad_alloc.
  static AlignedBytes uninitialized(std::size_t size);

  AlignedBytes(AlignedBytes&&) noexcept = default;
  AlignedBytes& operator=(AlignedBytes&&) noexcept = default;
  AlignedBytes(AlignedBytes const&) = delete;
  AlignedBytes& operator=(AlignedBytes const&) = delete;
  ~AlignedBytes() = default;

  [[nodiscard]] Bytes bytes() { return bytes_; }
  [[nodiscard]] ConstBytes bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  friend class AlignedPool;
  AlignedBytes(std::shared_ptr<std::byte> memory, Bytes bytes)
      : memory_(std::move(memory)), bytes_(bytes) {}

  std::shared_ptr<std::byte> memory_;  // all of what was allocated; pieces of a pool share it
  Bytes bytes_;
};

/// Cuts many small pieces from few large allocations: a block of metadata that is allocated by
/// itself, aligned, costs twice its size. What a piece was cut from lives until its last piece is
/// gone.
class AlignedPool {
 public:
  /// `size` uninitialized bytes. Throws std::bad_alloc.
  AlignedBytes take(std::size_t size);

 private:
  std::shared_ptr<std::byte> chunk_;
  Bytes left_;
  std::size_t next_size_ = 0;
};

}  // namespace xfsx::inline v0
