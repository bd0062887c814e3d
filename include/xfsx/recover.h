#pragma once
// Log recovery without a kernel: what a mount would do to a filesystem that was not unmounted.

#include <xfsx/device.h>
#include <xfsx/filesystem.h>
#include <xfsx/result.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xfsx::inline v0 {

struct RecoverReport;

struct RecoverRequest {
  /// An external log must be given; a realtime device where interrupted work touches its blocks.
  FurtherDevices devices;
  Timestamp now;  ///< for the timers of quota
  /// Finds out everything and writes nothing.
  bool dry_run = false;
  /// Where the log is damaged, replay what was committed before that place and nothing behind it;
  /// work that then cannot be finished is left undone. What is lost is in the report.
  bool salvage = false;
  /// With `salvage`: asked before the first write if something will be lost; false gives recovery
  /// up with Errc::cancelled. Without it, the answer is yes.
  std::function<bool(RecoverReport const&)> accept_loss;
  /// Asked now and then before the first write; true gives recovery up with Errc::cancelled.
  std::function<bool()> cancelled;
  /// How far the log has been read, in basic blocks.
  std::function<void(u64 done, u64 total)> progress;
};

/// Items of one type that the log held between tail and head.
struct RecoveredItems {
  std::string_view name;  ///< "inode", "buffer", "EFI"
  u64 count = 0;
};

/// Work that was interrupted, and is finished by recovery.
struct FinishedIntent {
  std::string_view name;  ///< "EFI", "SXI"
  u64 id = 0;
  Lsn lsn{};
};

/// A file without a name, which an open file descriptor or an interrupted removal left behind.
struct FreedFile {
  InodeNumber inode{};
  u64 blocks = 0;    ///< filesystem blocks of both forks
  std::string path;  ///< that it had last, where parent pointers tell; raw bytes
};

/// What a superblock counts.
struct SpaceCounters {
  u64 inodes_allocated = 0, inodes_free = 0, blocks_free = 0;
};

/// A transaction that stands in the log and was not replayed, because the log is damaged before its
/// end.
struct LostChanges {
  Lsn lsn{};
  u64 items = 0;
  std::vector<InodeNumber> inodes;  ///< those that it changed, as far as they can be told
};

/// What a recovery that salvages gives up.
struct SalvageReport {
  std::optional<Error> damage;  ///< where the log is damaged; empty: nothing was given up
  std::vector<LostChanges> transactions;
  /// Why interrupted work was left undone; its intents, files without a name and blocks that waited
  /// are left to a repair.
  std::optional<Error> unfinished;
};

struct RecoverReport {
  bool was_clean = false;  ///< there was nothing to do, and nothing was done
  bool torn = false;       ///< records behind the head were dropped because they are not whole
  Lsn head{}, tail{};      ///< of the log, before
  u64 log_blocks = 0;      ///< basic blocks between tail and head
  u64 transactions = 0;    ///< replayed
  u64 uncommitted = 0;  ///< transactions whose commit never reached the log: they count for nothing
  std::vector<RecoveredItems> items;  ///< by name
  u64 inodes = 0;                     ///< different inodes that were replayed
  u64 blocks = 0;                     ///< different buffers that change
  std::vector<FinishedIntent> intents;
  std::vector<FreedFile> freed;
  u64 staging_blocks = 0;  ///< filesystem blocks that waited for a copy-on-write, freed
  SpaceCounters before, after;
  SalvageReport lost;
  u64 log_bytes = 0;  ///< written to the log, at most; of a dry run: that would be
  u64 home_writes = 0, home_bytes = 0;
};

/// Replays the log of what `device` holds, finishes what was interrupted, frees files without a
/// name, and leaves a clean log. Interrupted at any write, it can be run again. Errors: those of
/// Filesystem::open; bad_value, bad_crc of the log or of what it is replayed onto, located, with
/// nothing written; refused EOPNOTSUPP for features that it does not know, ENODEV for an external
/// log that was not given, EFBIG where the log has no room for what must be written; cancelled;
/// host_full, io with Error::image.
XFSX_API Result<RecoverReport> recover(BlockDevice& device, RecoverRequest const& request);

}  // namespace xfsx::inline v0
