#pragma once
// A disk that shares its seed with all others: making one costs nothing, which is what a target
// does thousands of times a second. What is written is kept in pages of its own.

#include <xfsx/device.h>

#include "fuzz/support/written_pages.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace xfsx::fuzz {

/// The bytes of an image. Pages that nobody wrote take no memory.
class Seed {
 public:
  /// Reads a gzip file; `limit` is the most bytes that it may hold. Errors: missing, io, no_memory.
  static Result<std::shared_ptr<Seed>> load(std::string const& path, u64 limit);

  /// Reads what OverlayDisk::record() wrote, compressed by gzip or not: all that was not recorded
  /// is zero. Errors: those of load().
  static Result<std::shared_ptr<Seed>> thaw(std::string const& path, u64 limit);

  [[nodiscard]] ConstBytes bytes() const { return {data_.get(), size_}; }
  [[nodiscard]] Bytes bytes() { return {data_.get(), size_}; }
  static constexpr std::size_t step = 1 << 16;
  /// Whether the image has anything in the step of its bytes that `offset` is in.
  [[nodiscard]] bool is_filled(u64 offset) const {
    return filled_.empty() || filled_[static_cast<std::size_t>(offset / step)];
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  /// A disk of zeros. Errors: no_memory.
  static Result<std::shared_ptr<Seed>> make(u64 size);

  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
  std::vector<bool> filled_;  // by steps; empty if nobody looked
};

class OverlayDisk final : public BlockDevice {
 public:
  static constexpr u32 sector = 512;

  explicit OverlayDisk(std::shared_ptr<Seed const> seed);

  [[nodiscard]] DeviceInfo info() const override;
  Result<void> read(std::span<ReadRequest const> batch) override;
  Result<void> write(std::span<WriteRequest const> batch) override;
  Result<void> flush() override { return success(); }
  [[nodiscard]] DeviceStats stats() const override { return stats_; }

  /// Puts what was written into `seed`, which is the one that the disk was made of.
  void write_into(Seed& seed) const;

  /// From now on every disk adds what is read from it and written to it to `file`: its size, then
  /// offset, length and bytes of each request. A later record of a place counts.
  static void record(std::FILE* file) { recorder = file; }

 private:
  Result<void> check(u64 offset, std::size_t count) const;
  Result<void> read_seed(u64 offset, Bytes into) const;

  static std::FILE* recorder;

  std::shared_ptr<Seed const> seed_;
  WrittenPages pages_;
  DeviceStats stats_;
};

}  // namespace xfsx::fuzz
