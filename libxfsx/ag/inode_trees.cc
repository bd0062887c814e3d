#include "ag/inode_trees.h"

#include "ag/headers.h"
#include "ag/space_tree_blocks.h"
#include "ag/tree_store.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "format/verify_inode.h"

#include <bit>

namespace xfsx::inline v0 {

namespace {

using Record = Inobt::Record;

constexpr u64 all_free = ~u64{0};

/// A record in a tree, and what it shall be; nothing for one that goes, or comes.
template <class T>
Result<void> replace(Transaction& txn, Space& space, AgNumber ag, BufferRef const& agi,
                     Record const* before, Record const* after) {
  AgBlock const root = (view_as<disk::Agi>(agi->bytes()).*TreeRootFields<T>::root).value();
  SpaceTreeBlocks blocks(space, txn.volume().geometry(), ag, root, disk::rmap_owner::inobt);
  AgTreeStore<T> store(txn, ag, agi, blocks);
  BtreeEditor<T, AgTreeStore<T>> tree(store);
  std::vector<BtreeEdit<T>> edits;
  if (before != nullptr) edits.push_back({*before, false});
  if (after != nullptr) edits.push_back({*after, true});
  return tree.apply(edits);
}

class Chunk {
 public:
  Chunk(Transaction& txn, Space& space, InodeNumber ino)
      : txn_(txn), space_(space), g_(txn.volume().geometry()), ino_(ino), ag_(g_.ag_of(ino)) {}

  Result<std::optional<AgInode>> free_one() {
    XFSX_TRY(agi_, load_agi(txn_.volume(), ag_));
    XFSX_TRY(before_, find());
    Record after = before_;
    after.free |= u64{1} << index();
    ++after.freecount;
    bool const gone = after.free == all_free && g_.inodes_per_block() <= inodes_per_chunk;
    Record const* const stays = gone ? nullptr : &after;
    XFSX_TRYV(count(gone ? present() : 0));
    XFSX_TRYV(replace<Inobt>(txn_, space_, ag_, agi_, &before_, stays));
    if (g_.has_ro(ro_compat::finobt)) {
      Record const* const listed = before_.freecount > 0 ? &before_ : nullptr;
      XFSX_TRYV(replace<Finobt>(txn_, space_, ag_, agi_, listed, stays));
    }
    if (!gone) return std::optional<AgInode>();
    XFSX_TRYV(release_clusters());
    XFSX_TRYV(release_blocks());
    return std::optional<AgInode>(before_.start);
  }

 private:
  [[nodiscard]] u32 index() const { return g_.agino_of(ino_).raw() - before_.start.raw(); }

  Result<Record> find() {
    SpaceTreeBlocks blocks(space_, g_, ag_, AgBlock(0), disk::rmap_owner::inobt);
    AgTreeStore<Inobt> store(txn_, ag_, agi_, blocks);
    BtreeEditor<Inobt, AgTreeStore<Inobt>> tree(store);
    AgInode const agino = g_.agino_of(ino_);
    XFSX_TRY(std::optional<Record> const found, tree.lookup_le(agino));
    u32 const at = found ? agino.raw() - found->start.raw() : inodes_per_chunk;
    if (at >= inodes_per_chunk) return wrong("startino", 0, agino.raw());
    if (!found->exists(at)) return wrong("holemask", found->holemask, 0);
    if ((found->free >> at & 1) != 0) {
      Error e = wrong("free", found->free, 0);
      e.relation = Relation::none;
      e.reason = "the inode is free already";
      return e;
    }
    return *found;
  }

  /// Inodes of the chunk that exist.
  [[nodiscard]] u32 present() const {
    return inodes_per_chunk -
           inodes_per_hole_bit * static_cast<u32>(std::popcount(before_.holemask));
  }

  Error wrong(std::string_view field, u64 found, u64 expected,
              std::source_location raised = std::source_location::current()) const {
    Error e = btree_error(inobt_kind, g_.locate(agi_->daddr), field, found, expected,
                          Relation::equal, raised);
    e.owner = ino_;
    return e;
  }

  /// One inode more is free, and `gone` inodes do not exist any more, all of them free.
  Result<void> count(u32 gone) {
    XFSX_TRY(Bytes const copy, txn_.edit(agi_));
    disk::Agi& agi = edit_as<disk::Agi>(copy);
    CheckedView const checked(view_as<disk::Agi>(copy), g_.locate(agi_->daddr));
    XFSX_TRYV(checked.at_least<u32>(checked->count, gone));
    agi.freecount = agi.freecount.value() + 1;
    XFSX_TRYV(checked.at_least<u32>(checked->freecount, gone));
    agi.freecount = agi.freecount.value() - gone;
    agi.count = agi.count.value() - gone;

    SectorCount const sector(g_.sector_size() / basic_block_size);
    XFSX_TRY(BufferRef const block, txn_.read(superblock_kind, Daddr(0), sector));
    XFSX_TRY(Bytes const sb_copy, txn_.edit(block));
    disk::Superblock& sb = edit_as<disk::Superblock>(sb_copy);
    CheckedView const counts(view_as<disk::Superblock>(sb_copy), g_.locate(Daddr(0)));
    XFSX_TRYV(counts.at_least<u64>(counts->icount, gone));
    sb.ifree = sb.ifree.value() + 1;
    XFSX_TRYV(counts.at_least<u64>(counts->ifree, gone));
    sb.ifree = sb.ifree.value() - gone;
    sb.icount = sb.icount.value() - gone;
    return success();
  }

  Result<void> release_clusters() {
    std::optional<Daddr> last;
    for (u32 i = 0; i < inodes_per_chunk; i += inodes_per_hole_bit) {
      if (!before_.exists(i)) continue;
      InodeNumber const ino = g_.inode_number(ag_, AgInode(before_.start.raw() + i));
      InodePlace const place = g_.place(ino, before_.start);
      if (last == place.cluster) continue;
      last = place.cluster;
      XFSX_TRY(BufferRef const cluster,
               txn_.read(inode_cluster_kind, place.cluster, place.cluster_length));
      XFSX_TRYV(txn_.release(cluster));
    }
    return success();
  }

  /// Gives back the blocks, piece by piece where the chunk has holes.
  Result<void> release_blocks() {
    u32 const in_block = g_.inodes_per_block();
    u32 i = 0;
    while (i < inodes_per_chunk) {
      u32 const start = i;
      while (i < inodes_per_chunk && before_.exists(i)) i += inodes_per_hole_bit;
      if (i == start) {
        i += inodes_per_hole_bit;
        continue;
      }
      u32 const first = before_.start.raw() + start;
      if (first % in_block != 0 || (i - start) % in_block != 0) {
        return wrong("holemask", before_.holemask, 0);
      }
      FsBlock const block = g_.fsblock(ag_, AgBlock(first / in_block));
      BlockCount const length((i - start) / in_block);
      if (!g_.valid(block, length)) return wrong("startino", before_.start.raw(), 0);
      XFSX_TRYV(space_.release(block, length, {disk::rmap_owner::inodes, false, false}));
    }
    return success();
  }

  Transaction& txn_;
  Space& space_;
  Geometry const& g_;
  InodeNumber ino_;
  AgNumber ag_;
  BufferRef agi_;
  Record before_;  // of the chunk
};

}  // namespace

Result<std::optional<AgInode>> free_in_trees(Transaction& txn, Space& space, InodeNumber ino) {
  return Chunk(txn, space, ino).free_one();
}

}  // namespace xfsx::inline v0
