#pragma once
// Replays single items: images of blocks, inodes, new inode clusters, dquots.

#include "disk/log_items.h"
#include "format/checked_view.h"
#include "format/quota.h"
#include "log/decode_item.h"
#include "recovery/cancelled_blocks.h"
#include "recovery/replayed_blocks.h"

#include <set>

namespace xfsx::inline v0 {

class ItemReplayer {
 public:
  ItemReplayer(ReplayedBlocks& blocks, Geometry const& geometry, CancelledBlocks& cancelled);

  /// Where an item comes from, for errors, and what it is judged by.
  struct Source {
    Lsn lsn{};      ///< of the transaction
    u32 block = 0;  ///< of the log
    u32 operation = 0;
  };

  /// Replays an item that is neither an intent nor a done item, if what it changes is not newer.
  /// Errors: bad_value located by log block and operation, or by the inode that does not fit; io.
  Result<void> replay(DecodedLogItem const& item, Source const& source);

  /// The extents that an item will look at, for a batch of reads.
  void add_extents(DecodedLogItem const& item, std::vector<BlockExtent>& extents) const;

  /// The kinds of quota (bits of disk::dquot_type) that were switched off within the log.
  void quota_off(u32 flags);

  /// Blocks and inodes that were newer, or called off.
  [[nodiscard]] u64 skipped() const { return skipped_; }
  /// Numbers of inodes that were replayed, as often as they were.
  [[nodiscard]] std::vector<u64> take_inodes() { return std::move(inodes_); }
  /// The same of those that were logged, replayed or not.
  [[nodiscard]] std::vector<u64> take_logged_inodes() { return std::move(logged_inodes_); }

 private:
  Result<void> buffer(DecodedLogItem const& item, Source const& source);
  Result<void> inode(DecodedLogItem const& item, Source const& source);
  Result<void> icreate(DecodedLogItem const& item, Source const& source);
  Result<void> dquot(DecodedLogItem const& item, Source const& source);

  void copy_chunks(DecodedLogItem const& item, ReplayedBlock& block) const;
  Result<void> copy_unlinked(DecodedLogItem const& item, Source const& source,
                             ReplayedBlock& block) const;
  Result<void> replay_image(DecodedLogItem const& item, Source const& source, ReplayedBlock& block);
  Result<void> change_owners(DecodedLogItem const& item, ConstBytes inode, Location const& where);
  Result<void> change_tree(ConstBytes fork, InodeNumber number);
  Result<void> change_owner(FsBlock at, u32 level, InodeNumber number, std::set<FsBlock>& below);
  Result<void> check_icreate(disk::IcreateLogFormat const& format, Source const& source) const;
  void make_inode(Bytes inode, InodeNumber number, u32 generation) const;
  Result<bool> keeps_quota(u8 type);
  [[nodiscard]] Result<void> check_place(Daddr daddr, u64 length, std::string_view structure,
                                         Source const& source) const;

  ReplayedBlocks& blocks_;
  Geometry const& geometry_;
  CancelledBlocks& cancelled_;
  u64 device_sectors_;
  u8 quota_off_ = 0;
  u64 skipped_ = 0;
  std::vector<u64> inodes_, logged_inodes_;
};

}  // namespace xfsx::inline v0
