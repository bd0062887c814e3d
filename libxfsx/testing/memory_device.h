#pragma once
// A disk in memory: sparse, and copied at the cost of a pointer list. Chunks are shared between a
// device and its snapshots until one of them writes.

#include <xfsx/device.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace xfsx::inline v0 {

class MemoryDevice final : public BlockDevice {
 public:
  /// A disk of zeros; `size` and `logical_sector` in bytes.
  explicit MemoryDevice(u64 size, u32 logical_sector = 512);

  /// A disk with the same bytes that changes on its own.
  [[nodiscard]] std::unique_ptr<MemoryDevice> snapshot() const;

  [[nodiscard]] DeviceInfo info() const override;
  Result<void> read(std::span<ReadRequest const> batch) override;
  Result<void> write(std::span<WriteRequest const> batch) override;
  Result<void> flush() override;
  [[nodiscard]] DeviceStats stats() const override { return stats_; }

  /// Changes bytes of a range inside the disk, whatever its sectors are; counts as no request.
  void poke(u64 offset, ConstBytes from);

  /// The bytes from `offset`, which is inside the disk, to the end of what is stored in one piece;
  /// a piece that was never written is zeros. Valid until the next write.
  [[nodiscard]] ConstBytes piece_at(u64 offset) const;

  /// Writes the disk into a new or emptied file, zeros as holes. Errors: io.
  Result<void> store(std::string const& path) const;

  /// Bytes that chunks of this disk hold, shared ones included.
  [[nodiscard]] u64 bytes_in_memory() const;

 private:
  static constexpr u64 chunk_size = 16384;
  using Chunk = std::array<std::byte, chunk_size>;

  template <class Visit>
  void for_each_piece(u64 offset, u64 length, Visit&& visit) const;

  u64 size_;
  u32 logical_sector_;
  std::vector<std::shared_ptr<Chunk>> chunks_;  // null: zeros
  DeviceStats stats_;
};

/// The disk that a gzip file holds. Errors: missing, io (damaged gzip).
Result<std::unique_ptr<MemoryDevice>> load_gz_image(std::string const& path,
                                                    u32 logical_sector = 512);

}  // namespace xfsx::inline v0
