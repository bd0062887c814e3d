#pragma once
// The shape of a filesystem: sizes, limits, features, and every conversion between address spaces.
// It is made from a superblock that passed its verifier, whose rules make later arithmetic on it
// safe, and it never changes afterwards.

#include <xfsx/result.h>

#include "disk/superblock.h"
#include "format/checked_view.h"
#include "format/features.h"
#include "format/realtime.h"
#include "format/version.h"

#include <optional>

namespace xfsx::inline v0 {

/// Where an inode lies: its cluster's buffer, in the very units that log items name it by.
struct InodePlace {
  Daddr cluster;
  SectorCount cluster_length;
  u32 offset = 0;  ///< bytes from the start of the cluster
};

/// What a superblock says before its numbers are believed.
struct SuperblockLimits {
  u64 device_bytes = 0;  ///< 0: unknown, no check against the end of the device
  u32 logical_sector = 512;
};

class Geometry {
 public:
  /// Checks every number that later arithmetic stands on and makes the geometry of a filesystem of
  /// version 4 or 5. Does not judge whether writing is possible. Errors: not_xfs, needs_repair,
  /// bad_value with the field, truncated if the device ends before the filesystem does, refused
  /// EOPNOTSUPP for unknown incompat bits, and for the oldest forms of version 4.
  static Result<Geometry> from_superblock(ConstBytes sector, SuperblockLimits const& limits);

  [[nodiscard]] u32 block_size() const { return block_size_; }
  [[nodiscard]] u32 block_log() const { return block_log_; }
  [[nodiscard]] u32 sector_size() const { return sector_size_; }
  [[nodiscard]] u64 data_blocks() const { return data_blocks_; }
  [[nodiscard]] u32 ag_blocks() const { return ag_blocks_; }
  [[nodiscard]] u32 ag_count() const { return ag_count_; }
  [[nodiscard]] u32 inode_size() const { return inode_size_; }
  [[nodiscard]] u32 inodes_per_block() const { return block_size_ / inode_size_; }
  [[nodiscard]] u32 dir_block_size() const { return block_size_ << dir_block_log_; }
  /// Filesystem blocks of a directory block.
  [[nodiscard]] u32 dir_block_blocks() const { return 1U << dir_block_log_; }
  [[nodiscard]] u32 cluster_blocks() const { return cluster_blocks_; }
  /// Sizes and magic numbers that depend on the version of the format.
  [[nodiscard]] FormatVersion const& version() const { return *version_; }
  [[nodiscard]] Features const& features() const { return features_; }
  /// Whether directory entries carry the type of what they name.
  [[nodiscard]] bool has_file_types() const {
    return has(incompat::ftype) || (features_.features2 & feature2::ftype) != 0;
  }
  /// Version of the log's records: the bits of `h_version` that the kernel writes.
  [[nodiscard]] bool has_log_v2() const {
    return version_->self_describing || (features_.version & version_bit::logv2) != 0;
  }
  [[nodiscard]] bool has(u32 incompat_bit) const { return features_.has_incompat(incompat_bit); }
  [[nodiscard]] bool has_ro(u32 ro_bit) const { return features_.has_ro_compat(ro_bit); }
  /// UUID that users see, and that log records carry.
  [[nodiscard]] Uuid const& uuid() const { return uuid_; }
  /// UUID that metadata carries.
  [[nodiscard]] Uuid const& meta_uuid() const { return meta_uuid_; }
  [[nodiscard]] InodeNumber root_inode() const { return root_inode_; }
  [[nodiscard]] RealtimeShape const& realtime() const { return realtime_; }
  [[nodiscard]] bool has_realtime() const { return realtime_.blocks != 0; }
  /// Root of the tree of metadata files; null without METADIR.
  [[nodiscard]] InodeNumber metadata_root() const { return metadata_root_; }

  /// Bytes of the literal area of an inode, where its forks lie.
  [[nodiscard]] u32 literal_size() const { return inode_size_ - version_->inode_core; }

  [[nodiscard]] bool has_internal_log() const { return log_start_.raw() != 0; }
  [[nodiscard]] FsBlock log_start() const { return log_start_; }
  [[nodiscard]] u32 log_blocks() const { return log_blocks_; }
  /// Log stripe unit in bytes; 0 for none.
  [[nodiscard]] u32 log_unit() const { return log_unit_; }
  [[nodiscard]] u32 log_sector_size() const { return log_sector_size_; }

  /// Blocks of an AG; the last may be shorter.
  [[nodiscard]] u32 blocks_of(AgNumber ag) const;
  [[nodiscard]] SectorCount sectors(BlockCount blocks) const {
    return SectorCount(blocks.raw() << (block_log_ - 9));
  }
  [[nodiscard]] AgNumber ag_of(FsBlock block) const {
    return AgNumber(static_cast<u32>(block.raw() >> ag_block_log_));
  }
  [[nodiscard]] AgBlock agblock_of(FsBlock block) const {
    return AgBlock(static_cast<u32>(block.raw() & ((u64{1} << ag_block_log_) - 1)));
  }
  [[nodiscard]] FsBlock fsblock(AgNumber ag, AgBlock block) const {
    return FsBlock((u64{ag.raw()} << ag_block_log_) | block.raw());
  }
  [[nodiscard]] Daddr daddr(AgNumber ag, AgBlock block) const {
    return Daddr((u64{ag.raw()} * ag_blocks_ + block.raw()) << (block_log_ - 9));
  }
  [[nodiscard]] Daddr daddr(FsBlock block) const { return daddr(ag_of(block), agblock_of(block)); }
  /// Address of header sector `index` (0 superblock, 1 AGF, 2 AGI, 3 AGFL) of an AG.
  [[nodiscard]] Daddr ag_header(AgNumber ag, u32 index) const {
    return daddr(ag, AgBlock(0)) + SectorCount(u64{index} * (sector_size_ / 512));
  }
  /// The AG and agblock of a device address inside the filesystem.
  [[nodiscard]] Location locate(Daddr address) const;

  /// True if the blocks exist, lie in one AG and behind its header sectors.
  [[nodiscard]] bool valid(FsBlock start, BlockCount count) const;
  /// True if a part of a valid extent lies in the internal log.
  [[nodiscard]] bool overlaps_log(FsBlock start, BlockCount count) const;
  [[nodiscard]] bool valid(AgNumber ag, AgBlock block) const;

  [[nodiscard]] AgNumber ag_of(InodeNumber ino) const {
    return AgNumber(static_cast<u32>(ino.raw() >> (ag_block_log_ + inode_per_block_log_)));
  }
  [[nodiscard]] AgInode agino_of(InodeNumber ino) const {
    return AgInode(
        static_cast<u32>(ino.raw() & ((u64{1} << (ag_block_log_ + inode_per_block_log_)) - 1)));
  }
  [[nodiscard]] InodeNumber inode_number(AgNumber ag, AgInode agino) const {
    return InodeNumber((u64{ag.raw()} << (ag_block_log_ + inode_per_block_log_)) | agino.raw());
  }
  /// True if the number could belong to an inode: existing AG, block behind the headers.
  [[nodiscard]] bool valid(InodeNumber ino) const;
  /// Where the inode lies, `chunk` being the first inode of its chunk in the inode btree.
  [[nodiscard]] InodePlace place(InodeNumber ino, AgInode chunk) const;

 private:
  Geometry() = default;

  u32 block_size_ = 0, block_log_ = 0, sector_size_ = 0;
  u64 data_blocks_ = 0;
  RealtimeShape realtime_;
  u32 ag_blocks_ = 0, ag_block_log_ = 0, ag_count_ = 0;
  u32 inode_size_ = 0, inode_per_block_log_ = 0, cluster_blocks_ = 1, inode_align_ = 0;
  u32 dir_block_log_ = 0;
  FsBlock log_start_{};
  u32 log_blocks_ = 0, log_unit_ = 0, log_sector_size_ = 512;
  InodeNumber root_inode_{}, metadata_root_ = null_inode;
  FormatVersion const* version_ = &format_v5;
  Features features_{};
  Uuid uuid_{}, meta_uuid_{};
};

/// Whether the filesystem may be written. Errors, all refused EOPNOTSUPP: version 4; the feature
/// ZONED; unknown ro_compat bits (the stray bit 0x40 that an xfs_repair upgrade left has a message
/// of its own) and log_incompat bits.
Result<void> check_writable(Geometry const& geometry);

}  // namespace xfsx::inline v0
