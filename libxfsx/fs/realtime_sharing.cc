#include "fs/realtime_sharing.h"

#include "btree/reader.h"
#include "inode/fork.h"
#include "rt/group_tree.h"

#include <algorithm>

namespace xfsx::inline v0 {

Result<void> RealtimeSharing::for_each(FsBlock start, BlockCount length,
                                       std::function<void(u64 first, u64 count)> const& visit) {
  Geometry const& g = volume_.geometry();
  if (!g.has_ro(ro_compat::reflink) || !g.realtime().groups || length.raw() == 0) return success();
  u32 const group = g.realtime().group_of(start);
  auto known = trees_.find(group);
  if (known == trees_.end()) {
    XFSX_TRY(Inode found, find_group_file(volume_, group, disk::MetaType::rt_refcount));
    known = trees_.emplace(group, std::move(found)).first;
  }
  Inode const& inode = known->second;
  BtreeReader<RtRefcountbt> tree(
      volume_, {fork_bytes(inode, ForkKind::data), inode.number, inode.location(g)});
  u64 const first = g.realtime().block_in_group(start);
  u64 const end = first + length.raw();
  // Copy-on-write staging sorts behind every block that exists.
  return tree.visit_range(first, end - 1, [&](RtRefcountbt::Record const& r) {
    u64 const from = std::max<u64>(first, r.start);
    u64 const to = std::min(end, u64{r.start} + r.length);
    if (r.count > 1) visit(from - first, to - from);
    return true;
  });
}

}  // namespace xfsx::inline v0
