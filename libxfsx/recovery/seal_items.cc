#include "recovery/seal_items.h"

#include "base/crc32c.h"
#include "recovery/block_identity.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::BufferType;

bool holds_names(BufferType type) {
  return type >= BufferType::dir_block && type <= BufferType::da_node;
}

/// A block of a directory that lies in pieces is logged piece by piece, and a piece is not what its
/// type says: Linux would judge it by that.
bool is_piece(ReplayedBlock const& block, Geometry const& geometry) {
  if (!holds_names(block.type) || geometry.dir_block_blocks() == 1) return false;
  ConstBytes const bytes = std::as_const(block.data).bytes();
  if (bytes.size() == geometry.dir_block_size()) return false;
  if (!geometry.version().self_describing) return true;
  BlockKind const* const kind = identify(geometry, bytes);
  return kind == nullptr || !crc32c_matches(bytes, kind->crc);
}

BufferItem item_of(ReplayedBlock const& block, Geometry const& geometry, ChunkMap const& dirty) {
  BufferItem item;
  item.type = is_piece(block, geometry) ? BufferType::unknown : block.type;
  item.address = block.daddr;
  item.image = std::as_const(block.data).bytes();
  item.dirty = dirty;
  return item;
}

class BlockItems final : public ItemSource {
 public:
  explicit BlockItems(std::vector<BufferItem> items) : items_(std::move(items)) {
    for (BufferItem const& item : items_) sizes_ += buffer_item_sizes(item);
  }
  [[nodiscard]] LogSizes sizes() const override { return sizes_; }
  Result<bool> next(LogItem& item) override {
    if (at_ == items_.size()) return false;
    item.clear();
    make_buffer_item(item, items_[at_++]);
    return true;
  }

 private:
  std::vector<BufferItem> items_;
  LogSizes sizes_;
  std::size_t at_ = 0;
};

class Reminder final : public ItemSource {
 public:
  Reminder(std::vector<std::byte> sector, std::span<Intent const> intents)
      : sector_(std::move(sector)), intents_(intents) {
    superblock_.type = BufferType::superblock;
    superblock_.image = sector_;
    superblock_.dirty.set(0);
    sizes_ = buffer_item_sizes(superblock_);
    for (Intent const& intent : intents_) {
      for (std::vector<std::byte> const& region : intent.regions) {
        sizes_ += LogSizes{1, region.size()};
      }
    }
  }
  [[nodiscard]] LogSizes sizes() const override { return sizes_; }
  Result<bool> next(LogItem& item) override {
    item.clear();
    std::size_t const at = at_++;
    if (at > intents_.size()) return false;
    if (at == 0) {
      make_buffer_item(item, superblock_);
    } else {
      for (std::vector<std::byte> const& region : intents_[at - 1].regions) item.add(region);
    }
    return true;
  }

 private:
  std::vector<std::byte> sector_;
  std::span<Intent const> intents_;
  BufferItem superblock_;
  LogSizes sizes_;
  std::size_t at_ = 0;
};

/// Whether what the log makes of the block is a cluster that can go home before.
bool was_cluster(ReplayedBlocks const& blocks, ReplayedBlock const& block) {
  auto const before = blocks.as_replayed().find(block.daddr.raw());
  return before == blocks.as_replayed().end() ? block.is_replayed_cluster()
                                              : before->second.is_replayed_cluster();
}

}  // namespace

std::unique_ptr<ItemSource> make_block_items(ReplayedBlocks const& blocks, Geometry const& geometry,
                                             Changes changes) {
  std::vector<BufferItem> items;
  for (auto const& [address, block] : blocks.blocks()) {
    ChunkMap dirty = block.dirty;
    bool const is_home = changes == Changes::finished ||
                         (changes == Changes::not_clusters && was_cluster(blocks, block));
    if (!is_home) dirty |= block.replayed;
    if (!dirty.none()) items.push_back(item_of(block, geometry, dirty));
  }
  return std::make_unique<BlockItems>(std::move(items));
}

Result<std::vector<std::byte>> replayed_superblock(ReplayedBlocks const& blocks,
                                                   Geometry const& geometry) {
  std::vector<std::byte> sector(geometry.sector_size());
  ReadRequest const request{0, sector};
  XFSX_TRYV(blocks.device().read({&request, 1}));
  // The log may have had the sector in pieces.
  auto const lay_over = [&](ReplayedBlock const& block) {
    std::size_t const at = block.daddr.raw() * basic_block_size;
    if (at >= sector.size()) return;
    ConstBytes const bytes = block.data.bytes();
    std::ranges::copy(bytes.first(std::min(bytes.size(), sector.size() - at)),
                      sector.begin() + static_cast<std::ptrdiff_t>(at));
  };
  for (auto const& [address, block] : blocks.blocks()) {
    if (!block.replayed.none()) lay_over(block);
  }
  for (auto const& [address, block] : blocks.as_replayed()) lay_over(block);
  return sector;
}

std::unique_ptr<ItemSource> make_reminder(std::vector<std::byte> superblock,
                                          std::span<Intent const> intents) {
  return std::make_unique<Reminder>(std::move(superblock), intents);
}

}  // namespace xfsx::inline v0
