#include "inode/free_inode.h"

#include "ag/inode_trees.h"
#include "inode/unlinked_list.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// Flags that Linux gives a new inode.
u64 flags2_of_new(Geometry const& g) {
  return (g.has(incompat::bigtime) ? disk::inode_flag2::bigtime : 0) |
         (g.has(incompat::nrext64) ? disk::inode_flag2::nrext64 : 0);
}

/// Nothing of what the inode was stays but its owner, its times, whose form may change, and its
/// generation, by which handles of files tell it from the next inode of the number.
void reset(Geometry const& g, Bytes copy) {
  InodeView const view(copy);
  Timestamp const times[] = {view.atime(), view.mtime(), view.ctime(), view.crtime()};
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  core.mode = 0;
  core.format = static_cast<u8>(disk::ForkFormat::extents);
  core.aformat = static_cast<u8>(disk::ForkFormat::extents);
  core.metatype = 0;
  core.nlinkv2 = 0;
  core.nrext64_nextents = 0;
  core.nextents = 0;
  core.naextents = 0;
  core.forkoff = 0;
  core.size = 0;
  core.extsize = 0;
  core.cowextsize = 0;
  core.flags = 0;
  core.flags2 = flags2_of_new(g);
  core.gen = core.gen.value() + 1;
  bool const bigtime = InodeView(copy).is_bigtime();
  core.atime = encode_timestamp(times[0], bigtime);
  core.mtime = encode_timestamp(times[1], bigtime);
  core.ctime = encode_timestamp(times[2], bigtime);
  core.crtime = encode_timestamp(times[3], bigtime);
  std::ranges::fill(copy.subspan(sizeof(disk::Dinode)), std::byte{0});
}

/// Inodes of a chunk that is gone have nothing to be written.
void drop_chunk(Transaction& txn, AgNumber ag, AgInode chunk) {
  u64 const first = txn.volume().geometry().inode_number(ag, chunk).raw();
  auto const begin = txn.inodes().lower_bound(first);
  txn.inodes().erase(begin, txn.inodes().lower_bound(first + inodes_per_chunk));
}

}  // namespace

Result<void> free_inode(Transaction& txn, Space& space, Inode const& inode, Bytes copy) {
  Geometry const& g = txn.volume().geometry();
  CheckedView const core(view_as<disk::Dinode>(copy), inode.location(g));
  XFSX_TRYV(core.equal<u64>(core->nblocks, 0));
  XFSX_TRYV(take_off_unlinked_list(txn, inode, copy));
  reset(g, copy);
  XFSX_TRY(std::optional<AgInode> const chunk, free_in_trees(txn, space, inode.number));
  if (chunk) drop_chunk(txn, g.ag_of(inode.number), *chunk);
  return success();
}

}  // namespace xfsx::inline v0
