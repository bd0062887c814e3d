#pragma once
// Replays single items: images of blocks, inodes, new inode clusters, dquots.

#include "disk/log_items.h"
#include "format/checked_view.h"
#include "format/quota.h"
#include "log/decode_item.h"
#include "recovery/cancelled_blocks.h"
#include "recovery/replayed_blocks.h"

#include <map>
#include <set>

namespace xfsx::inline v0 {

class ItemReplayer {
 public:
  /// `cancelled`: what the whole log calls off. Null if nobody looked yet: then items that are
  /// called off later are replayed like all others, and taken back when that is met.
  ItemReplayer(ReplayedBlocks& blocks, Geometry const& geometry, CancelledBlocks* cancelled);

  /// Where an item comes from, for errors, and what it is judged by.
  struct Source {
    Lsn lsn{};      ///< of the transaction
    u32 block = 0;  ///< of the log
    u32 operation = 0;
  };

  /// Replays an item that is neither an intent nor a done item, if what it changes is not newer.
  /// Errors: bad_value located by log block and operation, or by the inode that does not fit; io;
  /// any, where something that fits nowhere is called off later.
  Result<void> replay(DecodedLogItem const& item, Source const& source);

  /// Extents that items will look at, for a batch of reads; none of those that are created before.
  struct Wanted {
    std::vector<BlockExtent> extents;
    std::set<u64> created;  ///< addresses
  };
  /// Adds those of an item that comes behind those that were added before.
  void add_extents(DecodedLogItem const& item, Wanted& wanted) const;

  /// The kinds of quota (bits of disk::dquot_type) that were switched off within the log.
  void quota_off(u32 flags);

  /// Blocks and inodes that were newer, or called off.
  [[nodiscard]] u64 skipped() const { return skipped_; }
  /// Whether an item wanted blocks of a mapping btree to belong to its inode.
  [[nodiscard]] bool owners_changed() const { return owners_changed_; }
  /// Numbers of inodes that were logged, or of those among them that were replayed, in order, and
  /// without those that were called off.
  enum class Which : u8 { logged, replayed };
  [[nodiscard]] std::vector<u64> inodes(Which which) const;

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
  [[nodiscard]] u32 cluster_step(disk::IcreateLogFormat const& format) const;
  [[nodiscard]] std::vector<Daddr> created_clusters(disk::IcreateLogFormat const& format) const;
  void make_inode(Bytes inode, InodeNumber number, u32 generation) const;
  Result<bool> keeps_quota(u8 type);
  [[nodiscard]] Result<void> check_place(Daddr daddr, u64 length, std::string_view structure,
                                         Source const& source) const;

  struct LoggedInode {
    u64 number = 0, cluster = 0;
    bool replayed = false;
  };

  [[nodiscard]] bool is_cancelled(Daddr daddr, u64 length) const {
    return cancelled_ != nullptr && cancelled_->has(daddr, length);
  }
  Result<void> cancel(Daddr daddr, u64 length);

  ReplayedBlocks& blocks_;
  Geometry const& geometry_;
  CancelledBlocks* cancelled_;
  u64 device_sectors_;
  u8 quota_off_ = 0;
  u64 skipped_ = 0;
  bool owners_changed_ = false;
  std::vector<LoggedInode> inodes_;
  std::map<u64, u64> called_off_;  // by address of a cluster: inodes logged until then
};

}  // namespace xfsx::inline v0
