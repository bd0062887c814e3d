#include "inode/drop_fork.h"

#include "inode/bmap.h"
#include "inode/fork_editor.h"
#include "inode/mapping_rmaps.h"

namespace xfsx::inline v0 {

namespace {

/// Frees the blocks of a mapping that nobody else has.
Result<void> free_mapped(Space& space, Refcounts& counts, Mapping const& m, bool may_share) {
  if (!may_share) return space.release_mapped(m.start, m.length);
  XFSX_TRY(std::vector<BlockRun> const gone, counts.decrease(m.start, m.length));
  for (BlockRun const& run : gone) {
    XFSX_TRYV(space.release_mapped(run.start, run.length));
  }
  return success();
}

Result<void> count_out(Inode const& inode, Bytes copy, Geometry const& geometry,
                       std::span<Mapping const> mappings) {
  u64 blocks = 0;
  for (Mapping const& m : mappings) blocks += m.length.raw();
  CheckedView const before(view_as<disk::Dinode>(copy), inode.location(geometry));
  XFSX_TRYV(before.at_least<u64>(before->nblocks, blocks));
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  core.nblocks = core.nblocks.value() - blocks;
  return success();
}

}  // namespace

Result<std::vector<Mapping>> unmap_fork(Transaction& txn, Space& space, Inode const& inode,
                                        Bytes copy, ForkKind kind) {
  Volume& volume = txn.volume();
  disk::ForkFormat const format = fork_format(inode, kind);
  bool const mapped = format == disk::ForkFormat::extents || format == disk::ForkFormat::btree;
  if (!mapped) return std::vector<Mapping>();
  XFSX_TRY(std::vector<Mapping> mappings, collect_mappings(volume, inode, kind));
  XFSX_TRYV(count_out(inode, copy, volume.geometry(), mappings));
  XFSX_TRYV(change_fork(txn, space, {inode.number, copy, kind}, mappings, {}));
  return mappings;
}

Result<void> drop_fork(Transaction& txn, Space& space, Refcounts& counts, Inode const& inode,
                       Bytes copy, ForkKind kind) {
  XFSX_TRY(std::vector<Mapping> const mappings, unmap_fork(txn, space, inode, copy, kind));
  MappingChange const change{inode.number, kind, mappings, {}};
  XFSX_TRYV(change_rmaps(space, txn.volume().geometry(), {&change, 1}));
  bool const may_share = kind == ForkKind::data && inode.is_reflink();
  for (Mapping const& m : mappings) {
    XFSX_TRYV(free_mapped(space, counts, m, may_share));
  }
  return success();
}

}  // namespace xfsx::inline v0
