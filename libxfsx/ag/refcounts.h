#pragma once
// How many owners blocks have, edited inside a transaction. The btree of an AG has records only of
// blocks with more than one owner; behind them, marked by the top bit of their start, those of
// blocks that were taken for a copy-on-write and belong to no file yet. Neighbouring blocks with
// one count are one record.
//
// Each call changes the btree at once, so calls see each other. The tree's own blocks come from
// free space of its AG, where Linux keeps some back for it, and go back there.

#include "ag/space.h"

namespace xfsx::inline v0 {

/// A run of blocks inside an AG, named by the filesystem's own numbers.
struct BlockRun {
  FsBlock start;
  BlockCount length;
  friend bool operator==(BlockRun const&, BlockRun const&) = default;
};

class Refcounts {
 public:
  /// Both must live as long as this; `space` is finished by the caller, when nothing else changes.
  Refcounts(Transaction& txn, Space& space);
  Refcounts(Refcounts&&) noexcept;
  ~Refcounts();

  // Errors of all of these: bad_value for blocks outside an AG; refused EOPNOTSUPP without
  // reflink; refused ENOSPC where the tree must grow and the AG is full; those of reading.

  /// One owner more for each of the blocks.
  Result<void> increase(FsBlock start, BlockCount length);

  /// One owner less. Returns the blocks, in order, that have none any more: they are the caller's
  /// to free.
  Result<std::vector<BlockRun>> decrease(FsBlock start, BlockCount length);

  /// The blocks wait for a copy-on-write. Errors also: bad_value for one that does already.
  Result<void> add_staging(FsBlock start, BlockCount length);

  /// They do no longer; whose they are now is the caller's affair. Errors also: bad_value for one
  /// that did not.
  Result<void> remove_staging(FsBlock start, BlockCount length);

 private:
  class OfAg;
  Result<OfAg*> in(BlockRun const& run);

  Transaction& txn_;
  Space& space_;
  std::map<u32, std::unique_ptr<OfAg>> ags_;
};

}  // namespace xfsx::inline v0
