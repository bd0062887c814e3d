#pragma once
// Verified metadata blocks in memory. A cached block never changes: publishing a change replaces
// the pointer, so whoever holds a reference goes on reading what it read. Loading blocks on a miss;
// what is known to be needed soon is brought in by prefetch, many blocks in one batch.

#include <xfsx/device.h>

#include "format/block_kind.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace xfsx::inline v0 {

/// Bytes in memory that any device can read into and write from without a copy.
class AlignedBytes {
 public:
  static constexpr std::size_t alignment = 4096;

  AlignedBytes() = default;
  /// Zeroed bytes. Throws std::bad_alloc.
  explicit AlignedBytes(std::size_t size);
  [[nodiscard]] Bytes bytes() { return {data_.get(), size_}; }
  [[nodiscard]] ConstBytes bytes() const { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

/// A block of metadata: its place and its bytes.
struct Buffer {
  Daddr daddr;
  SectorCount length;
  BlockKind const* kind = nullptr;
  AlignedBytes data;

  [[nodiscard]] ConstBytes bytes() const { return data.bytes(); }
};
using BufferRef = std::shared_ptr<Buffer const>;

/// A buffer of its own with the same place, kind and bytes. Throws std::bad_alloc.
std::shared_ptr<Buffer> copy_of(Buffer const& original);

struct BlockExtent {
  Daddr daddr;
  SectorCount length;
};

class BufferCache {
 public:
  /// `head`: no block may carry a newer LSN; null while the log is not known or is dirty.
  BufferCache(BlockDevice& device, Geometry const& geometry)
      : device_(device), geometry_(geometry) {}

  void set_log_head(Lsn head) { head_ = head; }
  [[nodiscard]] Lsn log_head() const { return head_; }

  /// The block at `daddr`, verified as `kind`; read if it is not there. With `owner`, the block
  /// must belong to that inode. Errors: io, truncated, bad_crc, bad_value, each located.
  Result<BufferRef> load(BlockKind const& kind, Daddr daddr, SectorCount length,
                         InodeNumber owner = null_inode);

  /// Reads those of `extents` that are not cached, in batches of bounded size, unverified until
  /// they are loaded. A failed read is not an error here: load tries again and reports it.
  void prefetch(std::span<BlockExtent const> extents);

  /// Replaces (or adds) a block by a newer one of the same place.
  void publish(BufferRef buffer);

  /// Forgets everything, so that the next load reads the device.
  void clear();

 private:
  struct Key {
    u64 daddr, length;
    friend bool operator==(Key const&, Key const&) = default;
  };
  struct KeyHash {
    std::size_t operator()(Key const& k) const noexcept {
      return std::hash<u64>{}(k.daddr * 0x9e3779b97f4a7c15U ^ k.length);
    }
  };
  Result<std::shared_ptr<Buffer>> read(Key key);

  BlockDevice& device_;
  Geometry const& geometry_;
  Lsn head_{};
  std::unordered_map<Key, BufferRef, KeyHash> verified_;
  std::unordered_map<Key, std::shared_ptr<Buffer>, KeyHash> fetched_;
};

}  // namespace xfsx::inline v0
