#include "ag/refcount.h"

#include "ag/tree_root.h"

#include <algorithm>

namespace xfsx::inline v0 {

Result<void> for_each_shared(Volume& volume, AgNumber ag, AgExtent const& extent,
                             std::function<void(AgExtent const&)> const& visit) {
  if (!volume.geometry().has_ro(ro_compat::reflink)) return success();
  XFSX_TRY(AgTreeRoot const root, find_tree_root(volume, ag, AgTree::refcountbt));
  BtreeReader<Refcountbt> tree(volume, root);
  u64 const first = extent.start.raw();
  u64 const end = first + extent.length.raw();
  if (first == end) return success();
  // Copy-on-write staging sorts behind every block that exists.
  return tree.visit_range(first, end - 1, [&](Refcountbt::Record const& r) {
    u64 const from = std::max<u64>(first, r.start);
    u64 const to = std::min(end, u64{r.start} + r.length);
    if (r.count > 1) visit({AgBlock(static_cast<u32>(from)), BlockCount(to - from)});
    return true;
  });
}

}  // namespace xfsx::inline v0
