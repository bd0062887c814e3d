#include "ag/refcount.h"

#include "ag/headers.h"
#include "btree/reader.h"

#include <algorithm>

namespace xfsx::inline v0 {

Result<void> for_each_shared(Volume& volume, AgNumber ag, AgExtent const& extent,
                             std::function<void(AgExtent const&)> const& visit) {
  if (!volume.geometry().has_ro(ro_compat::reflink)) return success();
  XFSX_TRY(BufferRef const agf, load_agf(volume, ag));
  auto const& head = view_as<disk::Agf>(agf->bytes());
  BtreeReader<Refcountbt> tree(volume, {ag, head.refcntroot.value(), head.refcntlevel.value()});
  u64 const first = extent.start.raw();
  u64 const end = first + extent.length.raw();
  return tree.visit(extent.start.raw(), [&](Refcountbt::Record const& r) {
    // Copy-on-write staging sorts behind every block that exists.
    if (r.start >= end) return false;
    u64 const from = std::max<u64>(first, r.start);
    u64 const to = std::min(end, u64{r.start} + r.length);
    if (r.count > 1 && from < to) visit({AgBlock(static_cast<u32>(from)), BlockCount(to - from)});
    return true;
  });
}

}  // namespace xfsx::inline v0
