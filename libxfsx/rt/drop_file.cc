#include "rt/drop_file.h"

#include "rt/free_space.h"
#include "rt/refcounts.h"
#include "rt/rmaps.h"

namespace xfsx::inline v0 {

Result<BlockCount> drop_realtime_data(Transaction& txn, Space& space, Inode const& inode,
                                      Bytes copy) {
  XFSX_TRY(std::vector<Mapping> const mappings,
           unmap_fork(txn, space, inode, copy, ForkKind::data));
  MappingChange const change{inode.number, ForkKind::data, mappings, {}};
  XFSX_TRYV(change_realtime_rmaps(txn, space, {&change, 1}));
  RealtimeRefcounts counts(txn, space);
  std::vector<BlockRun> gone;
  BlockCount blocks{};
  for (Mapping const& m : mappings) {
    blocks = blocks + m.length;
    if (!inode.is_reflink()) {
      gone.push_back({m.start, m.length});
      continue;
    }
    XFSX_TRY(std::vector<BlockRun> const unshared, counts.decrease(m.start, m.length));
    gone.insert(gone.end(), unshared.begin(), unshared.end());
  }
  XFSX_TRYV(RealtimeSpace(txn).release(std::move(gone)));
  return blocks;
}

}  // namespace xfsx::inline v0
