#pragma once
// Log items: what a checkpoint says about one buffer or one inode. An item is a few regions of
// bytes, the first of which names the object and counts the regions.

#include <xfsx/result.h>

#include "disk/log.h"
#include "format/geometry.h"

#include <array>
#include <vector>

namespace xfsx::inline v0 {

/// How much a checkpoint holds.
struct LogSizes {
  u64 regions = 0;
  u64 bytes = 0;  ///< of all regions

  LogSizes& operator+=(LogSizes const& other) {
    regions += other.regions;
    bytes += other.bytes;
    return *this;
  }
};

/// Dirty parts of a buffer are logged in chunks of this many bytes.
inline constexpr u32 log_chunk_size = 128;
/// Most chunks of a buffer: those of a block of 64 KiB.
inline constexpr u32 log_max_chunks = 512;

/// One bit for each chunk of a buffer.
class ChunkMap {
 public:
  void set(u32 chunk) { words_[chunk / 32] |= 1U << (chunk % 32); }
  /// Marks all chunks of a buffer of `bytes` bytes.
  void set_all(std::size_t bytes);
  /// Marks the chunks that [offset, offset + bytes) touches; bytes is not 0.
  void set_range(std::size_t offset, std::size_t bytes);
  [[nodiscard]] bool test(u32 chunk) const {
    return ((words_[chunk / 32] >> (chunk % 32)) & 1) != 0;
  }
  [[nodiscard]] bool none() const;
  [[nodiscard]] u32 word(u32 index) const { return words_[index]; }
  ChunkMap& operator|=(ChunkMap const& other);

 private:
  std::array<u32, log_max_chunks / 32> words_{};
};

/// Regions of one item. Small ones are made in its own memory, which is allocated once; others
/// point into memory of whoever made the item. Reused from item to item.
class LogItem {
 public:
  LogItem();
  LogItem(LogItem&&) = default;
  LogItem& operator=(LogItem&&) = default;
  LogItem(LogItem const&) = delete;
  LogItem& operator=(LogItem const&) = delete;

  void clear();
  /// A zeroed region of `bytes` bytes in the item's own memory.
  Bytes add_own(std::size_t bytes);
  /// A region that lies elsewhere; a multiple of 4 bytes, not empty.
  void add(ConstBytes bytes);
  [[nodiscard]] std::span<ConstBytes const> regions() const { return regions_; }
  [[nodiscard]] LogSizes sizes() const;

 private:
  std::vector<std::byte> own_;
  std::size_t used_ = 0;
  std::vector<ConstBytes> regions_;
};

/// A buffer of metadata to be logged.
struct BufferItem {
  disk::BufferType type = disk::BufferType::unknown;
  u16 flags = 0;  ///< buffer_item_flag bits below the type
  Daddr address{};
  ConstBytes image{};  ///< the whole buffer; its checksum and LSN need not be right
  ChunkMap dirty{};    ///< which chunks are logged; at least one
};

/// A buffer item: its format and one region for each run of dirty chunks of `image`, which must
/// live as long as the item is used.
void make_buffer_item(LogItem& item, BufferItem const& buffer);

/// Says that the block is metadata no longer, so that older images of it are not replayed.
void make_cancel_item(LogItem& item, Daddr address, SectorCount length);

/// What make_buffer_item() will make of it.
LogSizes buffer_item_sizes(BufferItem const& buffer);

/// An inode to be logged.
struct InodeItem {
  InodeNumber number{};
  InodePlace place{};
  ConstBytes inode{};     ///< the whole inode as it will lie on disk
  bool data_fork = true;  ///< log the data fork
  bool attr_fork = true;  ///< log the attribute fork, if there is one
};

/// An inode item: format, core, and the forks that are not empty. `inode` must live as long as the
/// item is used. Errors: bad_value located by the inode if a fork does not fit its space.
Result<void> make_inode_item(LogItem& item, InodeItem const& inode);

}  // namespace xfsx::inline v0
