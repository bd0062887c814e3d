#pragma once
// Replays a log into memory, by the rules of Linux:
//
// * An image of a block that is called off later counts for nothing. So Linux goes through the log
//   twice: first for the blocks whose images are called off, then to put images and inodes where
//   they belong. Here, what is called off is taken back; only where that cannot be done exactly, or
//   where anything is wrong, the log is gone through twice.
// * A transaction counts if its commit is there. What it logged is replayed in an order of its own:
//   blocks, inodes and the rest, then pointers of unlinked lists, then what was called off.
// * A block, or inode, that carries the LSN of the transaction or a later one is left alone.
// * An intent is open until its done item comes.

#include "log/find_head.h"
#include "recovery/intent.h"
#include "recovery/replayed_blocks.h"

#include <set>

namespace xfsx::inline v0 {

/// What replay met.
struct ReplayCounts {
  u64 transactions = 0;  ///< committed ones
  u64 uncommitted = 0;   ///< whose commit the log does not hold: they count for nothing
  u64 items = 0;
  u64 blocks_skipped = 0;                   ///< images of blocks that are newer, or were called off
  std::map<std::string_view, u64> by_name;  ///< items, "buffer", "EFI"
};

/// A transaction that was not replayed because the log is damaged before its end.
struct LostTransaction {
  Lsn lsn{};
  u32 tid = 0;
  u64 items = 0;
  std::set<u64> inodes;  ///< numbers of those that it changed, as far as they can be told
};

struct ReplayResult {
  ReplayCounts counts;
  bool owners_changed = false;     ///< of blocks that inode items lead to
  std::vector<Intent> intents;     ///< open ones, in the order of the log
  std::vector<u64> inodes;         ///< numbers of those that were replayed, in order
  std::vector<u64> logged_inodes;  ///< and of those that were newer on the device too
  std::optional<Error> damage;     ///< where the replay ended early
  std::vector<LostTransaction> lost;
};

struct ReplayOptions {
  /// Called for each committed transaction with what has been read and what there is, in basic
  /// blocks of the log; an error ends the replay.
  std::function<Result<void>(u64 done, u64 total)> progress;
  /// How often the log is gone through.
  enum class Passes : u8 { as_needed, two };
  Passes passes = Passes::as_needed;
  /// Where the log is damaged, replay what was committed before, and nothing behind it.
  bool salvage = false;
};

/// Replays the log from tail to head into `blocks`, of whose device `geometry` is what the
/// superblock there says. Checksums are right afterwards, LSNs are those of the device. Errors:
/// bad_value, bad_crc located by log block and operation, or by the block that does not fit; io.
Result<ReplayResult> replay_log(ReplayedBlocks& blocks, Geometry const& geometry,
                                LogPlace const& place, LogState const& state,
                                ReplayOptions const& options);

}  // namespace xfsx::inline v0
