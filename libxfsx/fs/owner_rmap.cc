// Owners by the reverse mappings. They tell owners by class: which tree a block belongs to, its own
// magic number says, and a block of the free space trees' class may wait in the free list, where
// its contents are those of its last use. What is in no reverse mapping is free or lost.

#include "ag/free_list.h"
#include "ag/tree_root.h"
#include "fs/owners.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

struct TreeKind {
  BlockKind const& kind;
  u32 magic;
  OwnerKind owner;
};

TreeKind const free_space_trees[] = {
    {bnobt_kind, disk::bnobt_magic, OwnerKind::bnobt},
    {cntbt_kind, disk::cntbt_magic, OwnerKind::cntbt},
    {rmapbt_kind, disk::rmapbt_magic, OwnerKind::rmapbt},
};
TreeKind const inode_trees[] = {
    {inobt_kind, disk::inobt_magic, OwnerKind::inobt},
    {finobt_kind, disk::finobt_magic, OwnerKind::finobt},
};

class RmapWalk {
 public:
  RmapWalk(Volume& volume, AgNumber ag, OwnerList& list)
      : volume_(volume), ag_(ag), list_(list), from_(list.first_of(ag)), to_(list.end_of(ag)) {}

  Result<void> run() {
    if (from_ >= to_) return success();
    XFSX_TRYV(add_reverse_mappings());
    XFSX_TRYV(add_tree_blocks(free_space_runs_, free_space_trees, true));
    XFSX_TRYV(add_tree_blocks(inode_tree_runs_, inode_trees, false));
    XFSX_TRY(AgTreeRoot const root, find_tree_root(volume_, ag_, AgTree::bnobt));
    BtreeReader<Bnobt> tree(volume_, root);
    return tree.visit_range(from_, to_ - 1, [&](Bnobt::Record const& r) {
      list_.add(OwnerKind::free_space, ag_, r.start, r.length);
      return true;
    });
  }

 private:
  Result<void> add_reverse_mappings() {
    XFSX_TRY(AgTreeRoot const root, find_tree_root(volume_, ag_, AgTree::rmapbt));
    BtreeReader<Rmapbt> tree(volume_, root);
    bool const all = from_ == 0 && to_ == volume_.geometry().blocks_of(ag_);
    if (!all) {
      return tree.visit_range(from_, to_ - 1, [&](Rmapbt::Record const& r) {
        add(r);
        return true;
      });
    }
    return tree.visit_blocks([&](AgBlock, BtreeNode<Rmapbt> const& node) {
      for (u32 i = 0; node.level() == 0 && i < node.count(); ++i) add(node.record(i));
      return true;
    });
  }

  void add(Rmapbt::Record const& r) {
    namespace owner = disk::rmap_owner;
    if (r.of_inode()) return add_fork(r);
    switch (r.owner) {
      case owner::ag:
        free_space_runs_.push_back(r);
        break;
      case owner::inobt:
        inode_tree_runs_.push_back(r);
        break;
      default:
        list_.add(kind_of(r.owner), ag_, r.start, r.length);
    }
  }

  void add_fork(Rmapbt::Record const& r) {
    BlockOwner run;
    run.kind = OwnerKind::file;
    run.ag = ag_;
    run.agblock = r.start;
    run.length = r.length;
    run.inode = InodeNumber(r.owner);
    run.fork = r.attr_fork ? ForkKind::attr : ForkKind::data;
    run.mapping_block = r.bmbt_block;
    run.unwritten = r.unwritten;
    run.offset = FileBlock(r.bmbt_block ? 0 : r.offset);
    list_.add_file(run);
  }

  /// Owners that are one thing only. The verifier lets no others pass.
  static OwnerKind kind_of(u64 owner) {
    namespace special = disk::rmap_owner;
    switch (owner) {
      case special::fs:
        return OwnerKind::headers;
      case special::log:
        return OwnerKind::log;
      case special::inodes:
        return OwnerKind::inodes;
      case special::refcount:
        return OwnerKind::refcountbt;
      default:
        return OwnerKind::staging;
    }
  }

  Result<void> add_tree_blocks(std::vector<Rmapbt::Record> const& runs,
                               std::span<TreeKind const> trees, bool with_free_list) {
    if (runs.empty()) return success();
    std::vector<AgBlock> waiting;
    if (with_free_list) {
      XFSX_TRY(waiting, free_list_blocks(volume_, ag_));
      std::ranges::sort(waiting);
    }
    for (Rmapbt::Record const& run : runs) {
      u64 const end = std::min(Rmapbt::end(run), to_);
      for (u64 b = std::max(Rmapbt::first(run), from_); b < end; ++b) {
        AgBlock const block(static_cast<u32>(b));
        if (std::ranges::binary_search(waiting, block)) {
          list_.add(OwnerKind::free_list, ag_, block, 1);
          continue;
        }
        XFSX_TRY(OwnerKind const kind, tree_of(block, trees));
        list_.add(kind, ag_, block, 1);
      }
    }
    return success();
  }

  /// Which of `trees` a block belongs to, by a magic number that its verifier confirms.
  Result<OwnerKind> tree_of(AgBlock block, std::span<TreeKind const> trees) {
    Geometry const& g = volume_.geometry();
    AlignedBytes bytes = AlignedBytes::uninitialized(g.block_size());
    ReadRequest const request{g.daddr(ag_, block).raw() * basic_block_size, bytes.bytes()};
    XFSX_TRYV(volume_.device().read({&request, 1}));
    u32 const magic = view_as<be32>(bytes.bytes()).value();
    TreeKind const* found = &trees[0];  // a wrong magic number is wrong for any of them
    for (TreeKind const& tree : trees) {
      if (tree.magic == magic) found = &tree;
    }
    XFSX_TRYV(verify_block(found->kind, bytes.bytes(), {g, g.locate(g.daddr(ag_, block))},
                           volume_.cache().log_head()));
    return found->owner;
  }

  Volume& volume_;
  AgNumber ag_;
  OwnerList& list_;
  u64 from_, to_;
  std::vector<Rmapbt::Record> free_space_runs_, inode_tree_runs_;
};

}  // namespace

Result<void> owners_by_rmap(Volume& volume, OwnerList& list) {
  for (u32 ag = list.range().first_ag; ag <= list.range().last_ag; ++ag) {
    XFSX_TRYV(RmapWalk(volume, AgNumber(ag), list).run());
  }
  return success();
}

}  // namespace xfsx::inline v0
