#pragma once
// How many owners realtime blocks have (see ag/count_changes.h): a btree for each group, rooted in
// a metadata file, whose blocks are free space of the data device.

#include "ag/count_changes.h"
#include "ag/space.h"

namespace xfsx::inline v0 {

/// Blocks of the realtime section, in one group.
struct RealtimeRun {
  FsBlock start;
  BlockCount length;
};

/// Changes the counts of blocks that exist in the tree of their group, in a private copy. Returns
/// those that have no owner any more; for staged blocks, whose they are now is the caller's affair.
/// What the tree needs beyond its blocks is taken from `space`, which is finished afterwards.
/// Errors: bad_value where the tree does not agree; refused ENOSPC; those of find_group_file and of
/// reading.
Result<std::vector<RealtimeRun>> change_realtime_refcounts(Transaction& txn, Space& space,
                                                           RealtimeRun const& run,
                                                           CountDomain const& domain,
                                                           CountStep step);

}  // namespace xfsx::inline v0
