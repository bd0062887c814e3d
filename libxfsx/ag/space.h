#pragma once
// Free blocks, free lists and reverse mappings, edited inside a transaction. The two trees of free
// space go in step; the trees' own blocks come from the free list of their AG and go back to it,
// and the list is filled and shortened by Linux's rule. Reverse mappings are gathered and carried
// out together at the end, tree by tree, in one batch each; those of blocks that moved to or from
// the free list meanwhile follow until there are none left.

#include "ag/space_of_ag.h"

#include <functional>
#include <map>
#include <optional>

namespace xfsx::inline v0 {

class Space {
 public:
  /// Whom a block is for: a file, or one of the trees that blocks were kept back for.
  enum class Use : u8 { of_files, kept_back };

  explicit Space(Transaction& txn) : txn_(txn) {}

  /// Keeps more blocks from files than the trees of AGs ask for: `exactly` says how many, and is
  /// asked only where fewer than `most` could be too little. Errors are those of `allocate`.
  void keep_back(u64 most, std::function<Result<u64>()> exactly);

  /// A free block for metadata of `owner`, as near behind `near` as there is one, in its AG if it
  /// can be. Blocks that Linux keeps back for the trees of an AG are left alone, and for files
  /// those of `keep_back`. Errors: refused ENOSPC; those of reading.
  Result<FsBlock> allocate(FsBlock near, RunOwner const& owner, Use use = Use::of_files);

  /// A free block of AG `ag`, which must exist, for a btree of that AG that Linux keeps blocks back
  /// for. Errors: refused ENOSPC if the AG has none; those of reading.
  Result<AgBlock> allocate_for_tree(AgNumber ag, AgBlock near, RunOwner const& owner);

  /// Blocks of `owner`, in one AG, are free again. Errors: those of reading; bad_value.
  Result<void> release(FsBlock first, BlockCount length, RunOwner const& owner);
  Result<void> release(FsBlock block, RunOwner const& owner) {
    return release(block, BlockCount(1), owner);
  }

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
  Result<bool> may_take(Use use);
  Result<u64> unavailable_in_ags();
  Result<u64> counted_free();

  Transaction& txn_;
  std::map<u32, std::unique_ptr<SpaceOfAg>> ags_;
  u64 plenty_ = 0;                  // more free blocks than that are enough whatever is kept back
  std::optional<u64> unavailable_;  // blocks of AGs that stay free
  u64 most_kept_ = 0;               // what is kept back beyond those, at most
  std::function<Result<u64>()> kept_;
  s64 free_blocks_ = 0;  // how many became free, less those that were taken
};

}  // namespace xfsx::inline v0
