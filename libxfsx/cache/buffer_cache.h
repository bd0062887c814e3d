#pragma once
// Verified metadata blocks in memory. A cached block never changes: publishing a change replaces
// the pointer, so whoever holds a reference goes on reading what it read. Loading blocks on a miss;
// what is known to be needed soon is brought in by prefetch, many blocks in one batch.

#include <xfsx/device.h>

#include "cache/aligned_bytes.h"
#include "format/block_kind.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace xfsx::inline v0 {

/// A block of metadata: its place and its bytes.
struct Buffer {
  Daddr daddr;
  SectorCount length;
  BlockKind const* kind = nullptr;
  AlignedBytes data;

  [[nodiscard]] ConstBytes bytes() const { return data.bytes(); }
};
using BufferRef = std::shared_ptr<Buffer const>;

/// A buffer of its own with the same place, kind and bytes, which lie in `pool`. Throws
/// std::bad_alloc.
std::shared_ptr<Buffer> copy_of(Buffer const& original, AlignedPool& pool);

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
  /// they are loaded. What lies between two neighbours is read along where that is cheaper than a
  /// request more. A failed read is not an error here: load tries again and reports it.
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
  std::shared_ptr<Buffer> make_buffer(Daddr daddr, SectorCount length);
  Result<std::shared_ptr<Buffer>> read(Key key);

  BlockDevice& device_;
  Geometry const& geometry_;
  Lsn head_{};
  AlignedPool pool_;
  std::unordered_map<Key, BufferRef, KeyHash> verified_;
  std::unordered_map<Key, std::shared_ptr<Buffer>, KeyHash> fetched_;
};

}  // namespace xfsx::inline v0
