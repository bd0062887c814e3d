#pragma once
// Free blocks, free lists and reverse mappings, edited inside a transaction. The two trees of free
// space go in step; the trees' own blocks come from the free list of their AG and go back to it,
// and the list is filled and shortened by Linux's rule. Reverse mappings are gathered and carried
// out together at the end, tree by tree, in one batch each; those of blocks that moved to or from
// the free list meanwhile follow until there are none left.

#include "ag/space_of_ag.h"

#include <map>
#include <optional>

namespace xfsx::inline v0 {

class Space {
 public:
  explicit Space(Transaction& txn) : txn_(txn) {}

  /// A free block for metadata of `owner`, as near behind `near` as there is one, in its AG if it
  /// can be. Blocks that Linux keeps back for the trees of an AG are left alone. Errors: refused
  /// ENOSPC; those of reading.
  Result<FsBlock> allocate(FsBlock near, RunOwner const& owner);

  /// The block of `owner` is free again. Errors: those of reading; bad_value.
  Result<void> release(FsBlock block, RunOwner const& owner);

  /// Blocks that a file mapped are free again; that they are so no longer, `change_mappings` is
  /// told. Errors: those of reading; bad_value.
  Result<void> release_mapped(FsBlock first, BlockCount length);

  /// Reverse mappings of files' blocks to put in and take out, in the order of their keys. Nothing
  /// without rmapbt.
  Result<void> change_mappings(AgNumber ag, std::vector<BtreeEdit<Rmapbt>> edits);

  /// Carries out what was gathered, and counts free blocks in the superblock. Call it once, when
  /// nothing else will change. Errors: refused ENOSPC; those of reading; bad_value where the trees
  /// do not agree.
  Result<void> finish();

 private:
  Result<SpaceOfAg*> in(AgNumber ag);
  Result<bool> may_take();
  Result<u64> counted_free();

  Transaction& txn_;
  std::map<u32, std::unique_ptr<SpaceOfAg>> ags_;
  u64 plenty_ = 0;                  // more free blocks than that are enough whatever is kept back
  std::optional<u64> unavailable_;  // blocks that stay free, of the whole filesystem
  s64 free_blocks_ = 0;             // how many became free, less those that were taken
};

}  // namespace xfsx::inline v0
