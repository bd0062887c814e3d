#pragma once
// From private copies to a clean log again:
//
//   prepare   copies get their checksums and pass their verifiers, items are found by comparison,
//   space in
//             the log is judged, everything that will be written is in memory; nothing is written
//   run       stale log blocks are cleared; the records go out and a flush makes the checkpoint
//   durable:
//             the commit point; the blocks go home; a flush; the unmount record: the log is clean
//
// Power may fail between any two sectors of this. Before the commit point recovery finds no commit
// record and the old state stands; after it recovery replays the checkpoint over whatever reached
// the homes.

#include "txn/home.h"

#include <xfsx/exchange.h>

#include <functional>

namespace xfsx::inline v0 {

/// How far a commit has come.
enum class CommitStage : u8 {
  log_write,  ///< the first byte is about to be written
  durable,    ///< the checkpoint is on stable storage: from here on the new state holds
  home,       ///< every changed block is in its place and stable
  clean,      ///< the unmount record is stable
};

/// For tests only: to make a checkpoint large, and to make the mistakes that the rules above
/// prevent.
struct CommitTestAids {
  u64 pad_to_bytes = 0;  ///< log whole blocks, again and again, up to this size
  /// Change the end of each block of a mapping btree too, which no record reaches: an exchange of
  /// forks changes no more than the first sector, and a torn block would look whole.
  bool stir_block_ends = false;
  bool new_lsn_at_home = false;  ///< write blocks home under the checkpoint's LSN
  bool any_lsn = false;          ///< log blocks whose LSN is not below the checkpoint's
  bool unflushed = false;        ///< flush nothing of the log before the commit
};

struct CommitOptions {
  u32 ticket = 0x78667378;  ///< names the operations of the checkpoint in the log
  std::function<void(CommitStage)> on_stage;
  CommitTestAids aids;
};

/// A change that is ready to be committed. Lives no longer than its transaction.
class PreparedCommit {
 public:
  /// Errors: a copy that fails its own verifier; refused EFBIG if the log has no room; no_memory.
  static Result<PreparedCommit> prepare(Transaction& txn, CommitOptions const& options);

  PreparedCommit(PreparedCommit&&) noexcept;
  PreparedCommit& operator=(PreparedCommit&&) noexcept;
  ~PreparedCommit();

  /// Bytes of the log that the checkpoint takes, padding and headers included, at most.
  [[nodiscard]] u64 log_bytes() const;
  /// Bytes of the log that a checkpoint may take.
  [[nodiscard]] u64 log_free_bytes() const;
  /// Writes in place.
  [[nodiscard]] u64 home_count() const;

  /// Commits. Errors: io, host_full, each with Error::image; once.
  Result<CommitReport> run();

 private:
  struct State;
  explicit PreparedCommit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace xfsx::inline v0
