#include "attr/fork_blocks.h"

#include "disk/attr.h"
#include "inode/fork_editor.h"
#include "inode/mapping_rmaps.h"

#include <algorithm>
#include <limits>

namespace xfsx::inline v0 {

namespace {

/// Neighbours that are one mapping.
std::vector<Mapping> joined(std::span<Mapping const> mappings) {
  std::vector<Mapping> out;
  for (Mapping const& m : mappings) {
    bool const joins = !out.empty() && out.back().end() == m.offset &&
                       out.back().start + out.back().length == m.start &&
                       out.back().unwritten == m.unwritten &&
                       out.back().length.raw() + m.length.raw() <= mapping_length_max;
    if (joins) {
      out.back().length = out.back().length + m.length;
    } else {
      out.push_back(m);
    }
  }
  return out;
}

}  // namespace

ForkBlocks::ForkBlocks(Transaction& txn, InodeNumber inode, Bytes copy,
                       std::span<Mapping const> before)
    : txn_(txn),
      inode_(inode),
      copy_(copy),
      space_(txn),
      before_(before),
      after_(before.begin(), before.end()) {}

u32 ForkBlocks::free_row(u32 count) const {
  u64 end = 0;
  for (Mapping const& m : after_) {
    if (m.offset.raw() - end >= count) break;
    end = m.end().raw();
  }
  return static_cast<u32>(std::min<u64>(end, std::numeric_limits<u32>::max()));
}

Result<u32> ForkBlocks::take(u32 count) {
  Geometry const& g = txn_.volume().geometry();
  u32 const first = free_row(count);
  if (first > std::numeric_limits<u32>::max() - count) {
    return refuse(EFBIG, "the attribute fork has no room for more blocks");
  }
  FsBlock near = after_.empty() ? block_of_inode(g, inode_) : after_.back().start;
  for (u32 i = 0; i < count; ++i) {
    XFSX_TRY(near, space_.allocate_mapped(near));
    Mapping const block{FileBlock(first + i), near, BlockCount(1)};
    after_.insert(std::ranges::upper_bound(after_, block.offset, {}, &Mapping::offset), block);
  }
  taken_ += count;
  return first;
}

FsBlock ForkBlocks::at(u32 offset) const {
  auto const m = std::ranges::upper_bound(after_, FileBlock(offset), {}, &Mapping::end);
  XFSX_ASSERT(m != after_.end() && m->offset <= FileBlock(offset));
  return m->start + (FileBlock(offset) - m->offset);
}

Result<Bytes> ForkBlocks::create(BlockKind const& kind, u32 offset) {
  Geometry const& g = txn_.volume().geometry();
  Daddr const daddr = g.daddr(at(offset));
  XFSX_TRY(Bytes const block, txn_.create(kind, daddr, g.sectors(BlockCount(1)), inode_));
  edit_as<be<Daddr>>(block, kind.address) = daddr;
  edit_as<Uuid>(block, kind.uuid) = g.meta_uuid();
  edit_as<be<InodeNumber>>(block, kind.owner) = inode_;
  return block;
}

Result<void> ForkBlocks::finish() {
  std::vector<Mapping> const after = joined(after_);
  disk::Dinode& core = edit_as<disk::Dinode>(copy_);
  core.nblocks = core.nblocks.value() + taken_;
  XFSX_TRYV(change_fork(txn_, space_, {inode_, copy_, ForkKind::attr}, before_, after));
  MappingChange const change{inode_, ForkKind::attr, before_, after};
  XFSX_TRYV(change_rmaps(space_, txn_.volume().geometry(), {&change, 1}));
  return space_.finish();
}

}  // namespace xfsx::inline v0
