#pragma once
// The space of one AG in a transaction; see ag/space.h.

#include "ag/run_set.h"
#include "ag/tree_heights.h"
#include "ag/tree_store.h"

#include <map>
#include <memory>
#include <set>

namespace xfsx::inline v0 {

/// Whose a run of blocks is that has no place in a file: the AG's own, or blocks of a mapping
/// btree.
struct RunOwner {
  u64 owner = disk::rmap_owner::ag;  ///< an inode number, or one of disk::rmap_owner
  bool attr_fork = false;
  bool bmbt_block = false;
  friend auto operator<=>(RunOwner const&, RunOwner const&) = default;
};

class SpaceOfAg final : private TreeBlocks {
 public:
  /// Errors: those of loading the headers; bad_value for a free list that is not as its header
  /// says.
  static Result<std::unique_ptr<SpaceOfAg>> open(Transaction& txn, AgNumber ag);

  /// The free block at `near`, or the first behind it, or the last before it; none if the AG has
  /// none to give.
  Result<std::optional<AgBlock>> allocate(AgBlock near, RunOwner const& owner);
  /// The same for a btree of the AG, which blocks are kept back for.
  Result<std::optional<AgBlock>> allocate_for_tree(AgBlock near, RunOwner const& owner);
  Result<void> release(AgBlock first, u32 length, RunOwner const& owner);
  Result<void> release_mapped(AgBlock first, u32 length);
  void change_mappings(std::vector<BtreeEdit<Rmapbt>> edits);
  Result<void> finish();

  /// Blocks of the AG that the superblock counts as free and Linux hands out to nobody.
  [[nodiscard]] Result<u64> unavailable() const;

 private:
  [[nodiscard]] Result<TreeRoom> room_left() const;

  using Run = Bnobt::Record;

  /// Blocks that an owner got and lost.
  struct Moved {
    RunSet gained, lost;
  };

  SpaceOfAg(Transaction& txn, AgNumber ag, BufferRef agf, BufferRef agfl);

  // The trees' blocks
  Result<AgBlock> take(BlockKind const& kind) override;
  Result<void> give(BlockKind const& kind, AgBlock block) override;
  Result<void> count_tree_block(BlockKind const& kind, int change);

  // The free list
  [[nodiscard]] disk::Agf const& agf() const;
  Result<disk::Agf*> edit_agf();
  [[nodiscard]] u32 need() const;
  Result<AgBlock> pop();
  Result<void> push(AgBlock block);
  [[nodiscard]] Error twice_on_list(AgBlock block) const;
  Result<void> refill();
  Result<void> put_away_spill();
  Result<void> shorten();

  // Free space
  Result<void> replace_free(std::vector<Run> const& out, std::vector<Run> const& in);
  Result<void> free_run(Run const& run);
  Result<std::optional<Run>> largest_up_to(u32 blocks);
  Result<std::optional<Run>> nearest(AgBlock near);
  Result<std::optional<AgBlock>> take_nearest(AgBlock near, RunOwner const& owner);
  [[nodiscard]] Result<u64> kept_back() const;

  // Reverse mappings
  [[nodiscard]] bool has_rmaps() const;
  void gained(RunOwner const& owner, Run const& run);
  void lost(RunOwner const& owner, Run const& run);
  Result<void> carry_out();
  [[nodiscard]] Error disagrees(AgBlock block, RunOwner const& owner) const;
  Result<void> take_records(RunOwner const& owner, Run const& run, std::set<u32>& taken,
                            RunSet& blocks);
  Result<void> add_run_edits(RunOwner const& owner, Moved const& moved);

  Transaction& txn_;
  AgNumber ag_;
  BufferRef agf_, agfl_;
  AgTreeStore<Bnobt> by_start_store_;
  AgTreeStore<Cntbt> by_length_store_;
  AgTreeStore<Rmapbt> rmap_store_;
  BtreeEditor<Bnobt, AgTreeStore<Bnobt>> by_start_;
  BtreeEditor<Cntbt, AgTreeStore<Cntbt>> by_length_;
  BtreeEditor<Rmapbt, AgTreeStore<Rmapbt>> rmaps_;
  std::vector<AgBlock> spill_;  // given back while the list was full
  std::vector<BtreeEdit<Rmapbt>> edits_;
  std::map<RunOwner, Moved> moved_;
  bool touched_ = false;
};

}  // namespace xfsx::inline v0
