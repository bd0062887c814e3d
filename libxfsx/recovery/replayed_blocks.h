#pragma once
// The blocks that recovery changes, in memory: first those that the log replays, then those that
// finishing interrupted work changes. Nothing of them is on the device until all is decided; what
// reads through them (recovery/replayed_device.h) sees the filesystem as it will be.
//
// A block keeps the LSN that the device has for it. So it can be replayed again, by whoever finds a
// recovery that was cut off, whatever part of it had been written.

#include <xfsx/device.h>

#include "cache/aligned_bytes.h"
#include "cache/buffer_cache.h"
#include "log/items.h"

#include <map>
#include <set>

namespace xfsx::inline v0 {

/// A buffer of the data device, as the log knows it: its place, its kind, and what differs.
struct ReplayedBlock {
  Daddr daddr{};
  SectorCount length{};
  disk::BufferType type = disk::BufferType::unknown;
  AlignedBytes data;
  ChunkMap dirty;      ///< at least what differs from the device, or since end_replay() from that
  ChunkMap replayed;   ///< at least what the log changes
  bool mixed = false;  ///< has bytes of blocks of other extents that were changed before it

  /// Whether it can go home while the log still holds what makes it: whoever replays that over it
  /// comes to the same end, and no checks refuse what lies in between. Images of other blocks are
  /// laid over each other chunk by chunk, and Linux checks the outcome after each checkpoint.
  [[nodiscard]] bool is_replayed_cluster() const {
    return type == disk::BufferType::inode_cluster && !replayed.none() && !mixed;
  }
  [[nodiscard]] u64 end() const { return daddr.raw() + length.raw(); }
};

class ReplayedBlocks {
 public:
  /// `device`: what lies below, which is only read.
  explicit ReplayedBlocks(BlockDevice& device) : device_(device) {}

  /// No block of metadata lies there: the log does. To be said before the first edit().
  void keep_out_of(Daddr start, SectorCount length);

  /// Most bytes of blocks that replay may come to hold: an item of a hundred bytes can name a block
  /// of 64 KiB. Without it there is no limit.
  void limit_to(u64 bytes) { most_ = bytes; }

  /// The block of that place, read where it is new. One of another extent that it overlaps gives
  /// its bytes to it and is forgotten; parts that stick out stay as blocks of their own. `type` is
  /// what it is from now on; `unknown` leaves what was known. Errors: io, truncated; bad_value for
  /// a block in the log; refused ENOMEM beyond the limit.
  Result<ReplayedBlock*> edit(Daddr daddr, SectorCount length, disk::BufferType type);

  /// The same for a block that is written from its first byte to its last before anything of it is
  /// read: what lies on the device does not matter, and its bytes are not zeroed either. All of it
  /// is dirty.
  Result<ReplayedBlock*> create(Daddr daddr, SectorCount length, disk::BufferType type);

  /// The block that has this basic block in it, or null.
  [[nodiscard]] ReplayedBlock* containing(Daddr daddr);

  /// Reads those of `extents` that are not here yet, with one batch, so that edit() finds them. A
  /// failed read is no error here.
  void prefetch(std::span<BlockExtent const> extents);

  /// What the log changed in the block of that place counts for nothing. False if that cannot be
  /// told any more, because blocks of other extents overlap it.
  [[nodiscard]] bool call_off(Daddr daddr, SectorCount length);

  /// The block holds metadata no longer: what is on the device may stay.
  void forget(Daddr daddr, SectorCount length);

  /// Begins again.
  void clear();

  /// Puts what was changed over `bytes`, which lie at byte `offset` of the device.
  void lay_over(u64 offset, Bytes bytes) const;

  /// What was changed so far is what the log replays; changes from now on finish what was
  /// interrupted. To be called once.
  void end_replay();

  /// Goes back to what the log replays.
  void forget_finished();

  /// What lies on the device at the beginning of this block, which was free, looks newer than the
  /// log: replay of a checkpoint would not put the block there.
  void mark_newer(Daddr daddr) { newer_.insert(daddr); }
  [[nodiscard]] std::set<Daddr> const& newer() const { return newer_; }

  /// Blocks as the log replays them, where they have changed since: by address.
  [[nodiscard]] std::map<u64, ReplayedBlock> const& as_replayed() const { return as_replayed_; }

  /// By address; they do not overlap.
  [[nodiscard]] std::map<u64, ReplayedBlock> const& blocks() const { return blocks_; }
  [[nodiscard]] std::map<u64, ReplayedBlock>& blocks() { return blocks_; }
  [[nodiscard]] BlockDevice& device() const { return device_; }

 private:
  using Place = std::map<u64, ReplayedBlock>::iterator;
  [[nodiscard]] Place first_touching(u64 start);
  [[nodiscard]] Result<void> check_place(Daddr daddr, SectorCount length) const;
  Result<void> fill(ReplayedBlock& block);
  Result<ReplayedBlock> begin(Daddr daddr, SectorCount length, disk::BufferType type);
  ReplayedBlock* put(ReplayedBlock block);
  void keep_part(ReplayedBlock const& whole, u64 from, u64 to);
  void save(ReplayedBlock const& block);
  ReplayedBlock make(Daddr daddr, SectorCount length, disk::BufferType type);

  BlockDevice& device_;
  AlignedPool pool_;
  BlockExtent log_{};
  u64 most_ = ~u64{0}, made_ = 0;
  bool finishing_ = false;
  std::map<u64, ReplayedBlock> blocks_;  // by daddr
  std::map<u64, ReplayedBlock> as_replayed_;
  std::set<Daddr> newer_;
  std::map<std::pair<u64, u64>, AlignedBytes> fetched_;  // by daddr and length
};

}  // namespace xfsx::inline v0
