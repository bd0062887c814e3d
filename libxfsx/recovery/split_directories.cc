#include "recovery/split_directories.h"

#include "base/crc32c.h"
#include "base/view.h"
#include "inode/bmap.h"
#include "inode/inode.h"
#include "recovery/block_identity.h"
#include "recovery/replayed_device.h"

#include <algorithm>
#include <set>

namespace xfsx::inline v0 {

namespace {

using disk::BufferType;

bool is_of_directory(BufferType type) {
  return type >= BufferType::dir_block && type <= BufferType::da_node;
}

/// The pieces of one directory block, in the order of the file.
using Pieces = std::vector<BlockExtent>;

class Mender {
 public:
  Mender(ReplayedBlocks& blocks, Volume& volume) : blocks_(blocks), volume_(volume) {}

  Result<void> mend(InodeNumber number) {
    Result<Inode> const inode = load_inode(volume_, number);
    if (!inode && inode.error().code == Errc::refused) return success();  // free again
    if (!inode) return inode.error();
    if (!inode.value().is_directory()) return success();
    XFSX_TRY(std::vector<Mapping> const mappings,
             collect_mappings(volume_, inode.value(), ForkKind::data));
    for (auto const& [index, pieces] : split_blocks(mappings)) {
      bool const replayed = std::ranges::any_of(
          pieces, [this](BlockExtent const& piece) { return touches_replayed(piece); });
      if (replayed) {
        XFSX_TRYV(restamp(pieces));
      }
    }
    return success();
  }

 private:
  /// The directory blocks that lie in pieces, by their numbers.
  [[nodiscard]] std::map<u64, Pieces> split_blocks(std::span<Mapping const> mappings) const {
    Geometry const& g = volume_.geometry();
    u64 const unit = g.dir_block_blocks();
    std::map<u64, Pieces> all;
    for (Mapping const& m : mappings) {
      u64 const begin = m.offset.raw(), end = m.end().raw();
      // Between its first and its last directory block, a mapping holds whole ones.
      for (u64 const index : std::set<u64>{begin / unit, (end - 1) / unit}) {
        u64 const from = std::max(begin, index * unit), to = std::min(end, (index + 1) * unit);
        if (to - from == unit) continue;
        Daddr const daddr = g.daddr(m.start) + g.sectors(BlockCount(from - begin));
        all[index].push_back({daddr, g.sectors(BlockCount(to - from))});
      }
    }
    std::erase_if(all, [](auto const& entry) { return entry.second.size() < 2; });
    return all;
  }

  [[nodiscard]] bool touches_replayed(BlockExtent const& piece) const {
    u64 const end = piece.daddr.raw() + piece.length.raw();
    auto at = blocks_.blocks().upper_bound(piece.daddr.raw());
    if (at != blocks_.blocks().begin()) --at;
    for (; at != blocks_.blocks().end() && at->first < end; ++at) {
      if (at->second.end() > piece.daddr.raw() && is_of_directory(at->second.type)) return true;
    }
    return false;
  }

  Result<void> restamp(Pieces const& pieces) {
    std::vector<std::byte> whole;
    for (BlockExtent const& piece : pieces) {
      std::size_t const at = whole.size();
      whole.resize(at + piece.length.raw() * basic_block_size);
      ReadRequest const request{piece.daddr.raw() * basic_block_size, Bytes(whole).subspan(at)};
      XFSX_TRYV(volume_.device().read({&request, 1}));
    }
    BlockKind const* const kind = identify(volume_.geometry(), whole);
    if (kind == nullptr) return success();
    crc32c_stamp(whole, kind->crc);
    ReplayedBlock* const first = blocks_.containing(pieces.front().daddr);
    if (first != nullptr) return put(*first, pieces.front().daddr, *kind, whole);
    // The first piece was not logged, but what it vouches for was.
    XFSX_TRY(ReplayedBlock* const read,
             blocks_.edit(pieces.front().daddr, pieces.front().length, BufferType::dir_data));
    return put(*read, pieces.front().daddr, *kind, whole);
  }

  static Result<void> put(ReplayedBlock& block, Daddr start, BlockKind const& kind,
                          ConstBytes whole) {
    std::size_t const at = (start - block.daddr).raw() * basic_block_size + kind.crc;
    std::ranges::copy(whole.subspan(kind.crc, sizeof(le32)),
                      block.data.bytes().subspan(at).begin());
    block.dirty.set_range(at, sizeof(le32));
    return success();
  }

  ReplayedBlocks& blocks_;
  Volume& volume_;
};

}  // namespace

Result<void> mend_split_directories(ReplayedBlocks& blocks, FurtherDevices const& further,
                                    LogState const& log, Geometry const& geometry,
                                    std::span<u64 const> inodes) {
  bool const possible = geometry.dir_block_blocks() > 1 && geometry.version().self_describing;
  SectorCount const whole = geometry.sectors(BlockCount(geometry.dir_block_blocks()));
  auto const short_piece = [&](auto const& entry) {
    return is_of_directory(entry.second.type) && entry.second.length < whole;
  };
  if (!possible || std::ranges::none_of(blocks.blocks(), short_piece)) return success();
  ReplayedDevice device(blocks);
  XFSX_TRY(std::unique_ptr<Volume> const volume, Volume::open(device, further, log));
  Mender mender(blocks, *volume);
  for (u64 const inode : inodes) {
    XFSX_TRYV(mender.mend(InodeNumber(inode)));
  }
  return success();
}

}  // namespace xfsx::inline v0
