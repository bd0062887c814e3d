#pragma once
// The atomic exchange of file contents: what is asked for, what will be done, and what was done.
// The call itself is Filesystem::exchange; Filesystem::plan_exchange answers the same question and
// writes nothing.

#include <xfsx/fork.h>
#include <xfsx/freshness.h>
#include <xfsx/result.h>

#include <functional>
#include <optional>

namespace xfsx::inline v0 {

/// A byte range of both files.
struct ExchangeRange {
  u64 offset1 = 0;  ///< bytes, in file1
  u64 offset2 = 0;  ///< bytes, in file2
  u64 length = 0;   ///< bytes
};

/// What becomes of the privileges of either file, which its new contents have not earned.
enum class Privileges : u8 {
  /// As when root exchanges in Linux: the mode stays, security.capability goes; with like_swapext
  /// that stays too.
  as_root,
  keep,  ///< both stay
  drop,  ///< security.capability goes, and the set-user-ID and set-group-ID bits of the mode
};

/// Whether forks are exchanged that hold metadata: data forks of directories and of symbolic links.
/// Regular files and attribute forks ask for none of this.
enum class MetadataForks : u8 {
  refused,
  /// Two directories or two symbolic links, if that leaves all links as they should be:
  /// directories with one parent, without directories in them, and without parent pointers.
  consistent,
  /// Likewise, but names, parents and link counts are the caller's affair, parent pointers too: for
  /// repair, which builds in FILE1 what FILE2 should hold. "." is made to name its directory.
  rebuilt,
};

struct ExchangeRequest {
  InodeNumber file1;  ///< the donor
  InodeNumber file2;  ///< the target
  /// What is exchanged; attribute forks, of files of any kind, as a whole only.
  ForkKind fork = ForkKind::data;
  MetadataForks metadata_forks = MetadataForks::refused;
  /// Empty: the whole files, sizes included, blocks past EOF too. Otherwise only these bytes; the
  /// files keep their sizes, but for to_eof.
  std::optional<ExchangeRange> range;
  /// With a range: from its offsets to the end of both files, whatever its length says; file2 then
  /// ends as far behind offset2 as file1 did behind offset1, and the reverse.
  bool to_eof = false;
  /// Only where file1 has written blocks. Without a range, to the end of both files.
  bool written_only = false;
  /// What file2 must still be; empty: anything.
  std::optional<Freshness> fresh;
  /// The most mappings that a file may have afterwards; empty: as many as the format can count.
  std::optional<u64> max_extents;
  /// By the rules of the older call (XFS_IOC_SWAPEXT): whole files of equal size, of file2 only the
  /// times must be what they were, and no time changes.
  bool like_swapext = false;
  bool keep_times = false;  ///< mtime and ctime stay; the counter of changes rises all the same
  Timestamp now;            ///< becomes mtime and ctime of both files
  Privileges privileges = Privileges::as_root;
  /// Called before the first log write; true gives the exchange up with Errc::cancelled.
  std::function<bool()> cancelled;
};

/// How an exchange is carried out.
enum class ExchangeWay : u8 {
  fork_swap,     ///< the data forks change places, owners in btree blocks are rewritten
  mapping_walk,  ///< mappings of the range change places
  nothing,       ///< the range is empty; only the times change
};

/// One file of an exchange, before and after.
struct ExchangeSide {
  InodeNumber inode;
  u64 size_before = 0, size_after = 0;        ///< bytes
  u64 extents_before = 0, extents_after = 0;  ///< mappings of the fork
  u64 blocks_before = 0, blocks_after = 0;    ///< di_nblocks, filesystem blocks
  bool reflink_before = false, reflink_after = false;
  u64 btree_blocks = 0;             ///< bmbt blocks that change their owner to the other file
  u64 metadata_blocks = 0;          ///< blocks of directories, links and attributes that do so
  bool capability_removed = false;  ///< it had security.capability
  bool set_id_cleared = false;      ///< its mode had set-user-ID or set-group-ID
};

/// What an exchange changes and costs; complete before the first write.
struct ExchangePlan {
  ForkKind fork = ForkKind::data;
  ExchangeWay way = ExchangeWay::fork_swap;
  ExchangeSide file1, file2;
  u64 log_bytes = 0;       ///< bytes of log records, padding included, at most
  u64 log_free_bytes = 0;  ///< what the log has room for
  u64 home_blocks = 0;     ///< metadata blocks and inodes written in place
  /// An owner whose blocks quota counts has no dquot, or one whose count cannot be right: the
  /// checked flag of this kind of quota is cleared in the same checkpoint, so that the next mount
  /// with quota recounts. Otherwise counts move with the blocks.
  bool clears_quota_checked = false;
};

/// What a commit did.
struct CommitReport {
  Lsn lsn{};  ///< of the checkpoint
  u64 log_bytes = 0;
  u64 log_records = 0;
  u64 home_writes = 0;
  u64 home_bytes = 0;
};

struct ExchangeReport {
  ExchangePlan plan;
  CommitReport commit;
};

}  // namespace xfsx::inline v0
