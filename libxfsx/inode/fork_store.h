#pragma once
// A btree that is rooted in a fork, as an editor sees it: its blocks are free space of the data
// device near the file, and the inode counts them.

#include "ag/space.h"
#include "inode/fork.h"

#include <algorithm>

namespace xfsx::inline v0 {

/// The inode whose fork changes, and its private copy.
struct ForkPlace {
  InodeNumber number;
  Bytes inode;
  ForkKind kind = ForkKind::data;
};

/// The place of a fork's own area in the private copy.
inline Bytes fork_of(ForkPlace const& place) {
  std::size_t const size = fork_bytes(InodeView(place.inode), place.kind).size();
  Bytes const literal = place.inode.subspan(InodeView(place.inode).core_size());
  return place.kind == ForkKind::data ? literal.first(size) : literal.last(size);
}

/// The block that holds the inode: what lies near the file where nothing else does.
inline FsBlock block_of_inode(Geometry const& g, InodeNumber number) {
  u32 const block = g.agino_of(number).raw() / g.inodes_per_block();
  return g.fsblock(g.ag_of(number), AgBlock(block));
}

template <BtreeTraits T>
class ForkStore {
 public:
  ForkStore(Transaction& txn, Space& space, ForkPlace const& place, FsBlock near,
            Space::Use use = Space::Use::of_files)
      : txn_(txn), space_(space), place_(place), near_(near), use_(use) {}

  Result<ConstBytes> read(FsBlock at) {
    XFSX_TRY(BufferRef const block, load(at));
    return block->bytes();
  }
  Result<Bytes> edit(FsBlock at) {
    XFSX_TRY(BufferRef const block, load(at));
    return txn_.edit(block, place_.number);
  }
  Result<FsBlock> allocate(u32 level) {
    XFSX_TRY(FsBlock const at, space_.allocate(near_, owner(), use_));
    near_ = at;
    Daddr const daddr = geometry().daddr(at);
    XFSX_TRY(Bytes const block, txn_.create(T::kind(), daddr, one(), place_.number));
    auto& head = edit_as<disk::BtreeLongBlockV4>(block);
    head.magic = btree_magic<T>(geometry().version());
    head.level = static_cast<u16>(level);
    head.leftsib = null_fsblock;
    head.rightsib = null_fsblock;
    if (geometry().version().self_describing) {
      auto& identity = edit_as<disk::BtreeLongBlock>(block);
      identity.bno = daddr;
      identity.uuid = geometry().meta_uuid();
      identity.owner = place_.number;
    }
    count_block(1);
    return at;
  }
  Result<void> release(FsBlock at) {
    XFSX_TRY(BufferRef const block, load(at));
    XFSX_TRYV(txn_.release(block));
    count_block(~u64{0});
    return space_.release(at, owner());
  }
  void prefetch(std::span<FsBlock const> blocks) {
    std::vector<BlockExtent> extents;
    for (FsBlock const at : blocks) {
      if (geometry().valid(at, BlockCount(1))) extents.push_back({geometry().daddr(at), one()});
    }
    std::ranges::sort(extents, {}, &BlockExtent::daddr);
    txn_.volume().cache().prefetch(extents);
  }
  [[nodiscard]] Location locate(FsBlock at) const {
    Location where = at == null_fsblock ? Location{} : geometry().locate(geometry().daddr(at));
    where.owner = place_.number;
    return where;
  }
  [[nodiscard]] FormatVersion const& version() const { return geometry().version(); }
  [[nodiscard]] u32 block_size() const { return geometry().block_size(); }
  [[nodiscard]] Bytes fork() const { return fork_of(place_); }

 private:
  [[nodiscard]] Geometry const& geometry() const { return txn_.volume().geometry(); }
  [[nodiscard]] SectorCount one() const { return geometry().sectors(BlockCount(1)); }
  [[nodiscard]] RunOwner owner() const {
    return {place_.number.raw(), place_.kind == ForkKind::attr, true};
  }
  Result<BufferRef> load(FsBlock at) {
    if (!geometry().valid(at, BlockCount(1))) {
      return btree_error(T::kind(), locate(null_fsblock), "ptrs", at.raw(),
                         geometry().data_blocks(), Relation::below);
    }
    return txn_.read(T::kind(), geometry().daddr(at), one(), place_.number);
  }
  void count_block(u64 change) {
    disk::Dinode& core = edit_as<disk::Dinode>(place_.inode);
    core.nblocks = core.nblocks.value() + change;
  }

  Transaction& txn_;
  Space& space_;
  ForkPlace place_;
  FsBlock near_;
  Space::Use use_;
};

}  // namespace xfsx::inline v0
