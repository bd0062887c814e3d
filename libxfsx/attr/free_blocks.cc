#include "attr/free_blocks.h"

#include "inode/fork_editor.h"
#include "inode/mapping_rmaps.h"

namespace xfsx::inline v0 {

namespace {

/// The mappings that stay, and those of the blocks that go.
struct Divided {
  std::vector<Mapping> kept, freed;
};

Divided divide(std::span<Mapping const> mappings, std::set<u64> const& offsets) {
  Divided parts;
  for (Mapping const& m : mappings) {
    bool fresh = true;
    bool last_goes = false;
    for (u64 i = 0; i < m.length.raw(); ++i) {
      Mapping const block{m.offset + BlockCount(i), m.start + BlockCount(i), BlockCount(1),
                          m.unwritten};
      bool const goes = offsets.contains(block.offset.raw());
      std::vector<Mapping>& part = goes ? parts.freed : parts.kept;
      if (fresh || goes != last_goes) {
        part.push_back(block);
      } else {
        part.back().length = part.back().length + BlockCount(1);
      }
      fresh = false;
      last_goes = goes;
    }
  }
  return parts;
}

Result<void> count_out(Inode const& inode, Bytes copy, Geometry const& geometry, u64 blocks) {
  CheckedView const before(view_as<disk::Dinode>(copy), inode.location(geometry));
  XFSX_TRYV(before.at_least<u64>(before->nblocks, blocks));
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  core.nblocks = core.nblocks.value() - blocks;
  return success();
}

}  // namespace

Result<void> free_fork_blocks(Transaction& txn, Inode const& inode, Bytes copy, ForkMap const& map,
                              std::set<u64> const& offsets) {
  if (offsets.empty()) return success();
  Geometry const& geometry = txn.volume().geometry();
  Divided const parts = divide(map.mappings(), offsets);
  XFSX_TRYV(count_out(inode, copy, geometry, offsets.size()));
  Space space(txn);
  ForkPlace const place{inode.number, copy, ForkKind::attr};
  XFSX_TRYV(change_fork(txn, space, place, map.mappings(), parts.kept));
  MappingChange const change{inode.number, ForkKind::attr, map.mappings(), parts.kept};
  XFSX_TRYV(change_rmaps(space, geometry, {&change, 1}));
  for (Mapping const& m : parts.freed) {
    XFSX_TRYV(space.release_mapped(m.start, m.length));
  }
  return space.finish();
}

}  // namespace xfsx::inline v0
