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

/// What only version 3 has. The form of times may change with the flags.
void reset_v3(Geometry const& g, disk::Dinode& core) {
  bool const was_bigtime = (core.flags2.value() & disk::inode_flag2::bigtime) != 0;
  core.metatype = 0;
  core.nrext64_nextents = 0;
  core.cowextsize = 0;
  core.flags2 = flags2_of_new(g);
  bool const bigtime = (core.flags2.value() & disk::inode_flag2::bigtime) != 0;
  for (be64* const time : {&core.atime, &core.mtime, &core.ctime, &core.crtime}) {
    *time = encode_timestamp(decode_timestamp(time->value(), was_bigtime), bigtime);
  }
}

/// Nothing of what the inode was stays but its owner, its times, whose form may change, and its
/// generation, by which handles of files tell it from the next inode of the number.
void reset(Geometry const& g, Bytes copy) {
  InodeView const view(copy);
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  std::ranges::fill(copy.subspan(view.core_size()), std::byte{0});
  core.mode = 0;
  core.format = static_cast<u8>(disk::ForkFormat::extents);
  core.aformat = static_cast<u8>(disk::ForkFormat::extents);
  core.nlinkv2 = 0;
  core.nextents = 0;
  core.naextents = 0;
  core.forkoff = 0;
  core.size = 0;
  core.extsize = 0;
  core.flags = 0;
  core.gen = core.gen.value() + 1;
  if (view.is_v3()) reset_v3(g, core);
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
