#include "inode/fork_editor.h"

#include "inode/extent_counts.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// The mapping btree of a fork as an editor sees it.
class ForkStore {
 public:
  ForkStore(Transaction& txn, Space& space, ForkPlace const& place, FsBlock near)
      : txn_(txn), space_(space), place_(place), near_(near) {}

  Result<ConstBytes> read(FsBlock at) {
    XFSX_TRY(BufferRef const block, load(at));
    return block->bytes();
  }
  Result<Bytes> edit(FsBlock at) {
    XFSX_TRY(BufferRef const block, load(at));
    return txn_.edit(block, place_.number);
  }
  Result<FsBlock> allocate(u32 level);
  Result<void> release(FsBlock at);
  void prefetch(std::span<FsBlock const> blocks);
  [[nodiscard]] Location locate(FsBlock at) const {
    Location where = at == null_fsblock ? Location{} : geometry().locate(geometry().daddr(at));
    where.owner = place_.number;
    return where;
  }
  [[nodiscard]] FormatVersion const& version() const { return geometry().version(); }
  [[nodiscard]] u32 block_size() const { return geometry().block_size(); }
  [[nodiscard]] Bytes fork() const {
    std::size_t const size = fork_bytes(InodeView(place_.inode), place_.kind).size();
    Bytes const literal = place_.inode.subspan(sizeof(disk::Dinode));
    return place_.kind == ForkKind::data ? literal.first(size) : literal.last(size);
  }

 private:
  [[nodiscard]] Geometry const& geometry() const { return txn_.volume().geometry(); }
  [[nodiscard]] SectorCount one() const { return geometry().sectors(BlockCount(1)); }
  [[nodiscard]] RunOwner owner() const {
    return {place_.number.raw(), place_.kind == ForkKind::attr, true};
  }
  Result<BufferRef> load(FsBlock at) {
    if (!geometry().valid(at, BlockCount(1))) {
      return btree_error(bmbt_kind, locate(null_fsblock), "ptrs", at.raw(),
                         geometry().data_blocks(), Relation::below);
    }
    return txn_.read(bmbt_kind, geometry().daddr(at), one(), place_.number);
  }
  void count_block(u64 change) {
    disk::Dinode& core = edit_as<disk::Dinode>(place_.inode);
    core.nblocks = core.nblocks.value() + change;
  }

  Transaction& txn_;
  Space& space_;
  ForkPlace place_;
  FsBlock near_;
};

Result<FsBlock> ForkStore::allocate(u32 level) {
  XFSX_TRY(FsBlock const at, space_.allocate(near_, owner()));
  near_ = at;
  Daddr const daddr = geometry().daddr(at);
  XFSX_TRY(Bytes const block, txn_.create(bmbt_kind, daddr, one(), place_.number));
  auto& head = edit_as<disk::BtreeLongBlock>(block);
  head.magic = Bmbt::magic;
  head.level = static_cast<u16>(level);
  head.leftsib = null_fsblock;
  head.rightsib = null_fsblock;
  head.bno = daddr;
  head.uuid = geometry().meta_uuid();
  head.owner = place_.number;
  count_block(1);
  return at;
}

Result<void> ForkStore::release(FsBlock at) {
  XFSX_TRY(BufferRef const block, load(at));
  XFSX_TRYV(txn_.release(block));
  count_block(~u64{0});
  return space_.release(at, owner());
}

void ForkStore::prefetch(std::span<FsBlock const> blocks) {
  std::vector<BlockExtent> extents;
  for (FsBlock const at : blocks) {
    if (geometry().valid(at, BlockCount(1))) extents.push_back({geometry().daddr(at), one()});
  }
  std::ranges::sort(extents, {}, &BlockExtent::daddr);
  txn_.volume().cache().prefetch(extents);
}

/// Edits that turn one list into the other; what begins and ends both of them alike is left out.
std::vector<BtreeEdit<Bmbt>> difference(std::span<Mapping const> before,
                                        std::span<Mapping const> after) {
  std::vector<BtreeEdit<Bmbt>> edits;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i;
      ++j;
      continue;
    }
    bool const out =
        j == after.size() || (i < before.size() && before[i].offset <= after[j].offset);
    if (out) {
      edits.push_back({before[i++], false});
    } else {
      edits.push_back({after[j++], true});
    }
  }
  return edits;
}

/// Near the first block that the file will have, or near the inode.
FsBlock near_of(Geometry const& g, ForkPlace const& place, std::span<Mapping const> mappings) {
  bool const realtime = place.kind == ForkKind::data && InodeView(place.inode).is_realtime();
  if (!mappings.empty() && !realtime) return mappings.front().start;
  u32 const block = g.agino_of(place.number).raw() / g.inodes_per_block();
  return g.fsblock(g.ag_of(place.number), AgBlock(block));
}

void set_format(ForkPlace const& place, disk::ForkFormat format) {
  disk::Dinode& core = edit_as<disk::Dinode>(place.inode);
  (place.kind == ForkKind::data ? core.format : core.aformat) = static_cast<u8>(format);
}

}  // namespace

Result<void> change_fork(Transaction& txn, Space& space, ForkPlace const& place,
                         std::span<Mapping const> before, std::span<Mapping const> after) {
  ForkStore store(txn, space, place, near_of(txn.volume().geometry(), place, after));
  BtreeEditor<Bmbt, ForkStore> tree(store);
  bool const was_btree = fork_format(InodeView(place.inode), place.kind) == disk::ForkFormat::btree;
  bool const fits_inode = after.size() <= store.fork().size() / sizeof(disk::BmbtRecord);
  if (was_btree && !fits_inode) {
    XFSX_TRYV(tree.apply(difference(before, after)));
  } else if (fits_inode) {
    if (was_btree) {
      XFSX_TRYV(tree.release_below_root());
    }
    encode_mappings(after, store.fork());
  } else {
    XFSX_TRYV(tree.build({after.begin(), after.end()}));
  }
  set_format(place, fits_inode ? disk::ForkFormat::extents : disk::ForkFormat::btree);
  set_extent_count(edit_as<disk::Dinode>(place.inode), place.kind, after.size());
  return success();
}

}  // namespace xfsx::inline v0
