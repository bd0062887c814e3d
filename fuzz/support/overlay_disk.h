#pragma once
// A disk that shares its seed with all others: making one costs nothing, which is what a target
// does thousands of times a second. What is written is kept sector by sector.

#include <xfsx/device.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

namespace xfsx::fuzz {

/// The bytes of an image. Pages that nobody wrote take no memory.
class Seed {
 public:
  /// Reads a gzip file; `limit` is the most bytes that it may hold. Errors: missing, io.
  static Result<std::shared_ptr<Seed const>> load(std::string const& path, u64 limit);

  [[nodiscard]] ConstBytes bytes() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

class OverlayDisk final : public BlockDevice {
 public:
  static constexpr u32 sector = 512;

  explicit OverlayDisk(std::shared_ptr<Seed const> seed) : seed_(std::move(seed)) {}

  [[nodiscard]] DeviceInfo info() const override;
  Result<void> read(std::span<ReadRequest const> batch) override;
  Result<void> write(std::span<WriteRequest const> batch) override;
  Result<void> flush() override { return success(); }

 private:
  Result<void> check(u64 offset, std::size_t count) const;

  std::shared_ptr<Seed const> seed_;
  std::map<u64, std::vector<std::byte>> changed_;  // by offset
};

}  // namespace xfsx::fuzz
