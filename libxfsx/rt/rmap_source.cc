#include "rt/rmap_source.h"

#include "inode/fork.h"
#include "rt/group_tree.h"

namespace xfsx::inline v0 {

Result<std::vector<Rmapbt::Record>> RealtimeRmaps::touching(u64 from, u64 to) {
  if (!file_) {
    XFSX_TRY(file_, find_group_tree(volume_, group_, disk::MetaType::rt_rmap));
  }
  Location const where = file_->location(volume_.geometry());
  BtreeReader<RtRmapbt> tree(volume_, {fork_bytes(*file_, ForkKind::data), file_->number, where});
  std::vector<Rmapbt::Record> out;
  XFSX_TRYV(tree.visit_range(from, to, [&](Rmapbt::Record const& r) {
    out.push_back(r);
    return true;
  }));
  return out;
}

Error RealtimeRmaps::disagrees(u64 block, std::string_view reason) const {
  Error e = btree_error(rtrmapbt_kind, Location{}, "owner", block, 0, Relation::none);
  e.address_kind = AddressKind::fsblock;
  e.address = u64{group_} << volume_.geometry().realtime().group_block_log | block;
  e.device = DeviceRole::realtime;
  e.reason = reason;
  return e;
}

}  // namespace xfsx::inline v0
