// Owners by a scan of everything that can own a block: the headers and trees of the AGs that are
// asked about, the log, and both forks of every inode, wherever it lies.
//
// Damage in one structure does not end a scan that somebody listens to: what owns a block may be
// sound where something else is not. Whole levels of trees, and the clusters of many chunks of
// inodes, are brought in with one batch each.

#include "ag/free_list.h"
#include "ag/tree_root.h"
#include "base/checked.h"
#include "fs/owners.h"
#include "inode/bmap.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

constexpr std::size_t chunks_at_once = 128;

class Scan {
 public:
  Scan(Volume& volume, OwnersRequest const& request, OwnerList& list)
      : volume_(volume), g_(volume.geometry()), request_(request), list_(list) {}

  Result<void> run() {
    add_log();
    for (u32 ag = list_.range().first_ag; ag <= list_.range().last_ag; ++ag) {
      XFSX_TRYV(scan_group(AgNumber(ag)));
    }
    for (u32 ag = 0; ag < g_.ag_count(); ++ag) {
      XFSX_TRYV(tell(scan_inodes(AgNumber(ag))));
      if (cancelled_) return make_error(Errc::cancelled, ECANCELED, "cancelled");
    }
    return success();
  }

 private:
  /// Hands an error to whoever listens, and goes on.
  Result<void> tell(Result<void> const& outcome) const {
    if (outcome || !request_.problem) return outcome;
    request_.problem(outcome.error());
    return success();
  }

  void add_log() {
    if (!g_.has_internal_log()) return;
    list_.add(OwnerKind::log, g_.ag_of(g_.log_start()), g_.agblock_of(g_.log_start()),
              g_.log_blocks());
  }

  Result<void> scan_group(AgNumber ag) {
    u64 const headers = div_round_up(4 * g_.sector_size(), g_.block_size());
    list_.add(OwnerKind::headers, ag, AgBlock(0), headers);
    XFSX_TRYV(tell(add_free_list(ag)));
    XFSX_TRYV(tell(scan_tree<Bnobt>(ag, AgTree::bnobt, OwnerKind::bnobt)));
    XFSX_TRYV(tell(scan_tree<Cntbt>(ag, AgTree::cntbt, OwnerKind::cntbt)));
    XFSX_TRYV(tell(scan_tree<Inobt>(ag, AgTree::inobt, OwnerKind::inobt)));
    if (g_.has_ro(ro_compat::finobt)) {
      XFSX_TRYV(tell(scan_tree<Finobt>(ag, AgTree::finobt, OwnerKind::finobt)));
    }
    if (g_.has_ro(ro_compat::rmapbt)) {
      XFSX_TRYV(tell(scan_tree<Rmapbt>(ag, AgTree::rmapbt, OwnerKind::rmapbt)));
    }
    if (g_.has_ro(ro_compat::reflink)) {
      XFSX_TRYV(tell(scan_tree<Refcountbt>(ag, AgTree::refcountbt, OwnerKind::refcountbt)));
    }
    return success();
  }

  Result<void> add_free_list(AgNumber ag) {
    XFSX_TRY(std::vector<AgBlock> const blocks, free_list_blocks(volume_, ag));
    for (AgBlock const block : blocks) list_.add(OwnerKind::free_list, ag, block, 1);
    return success();
  }

  /// Adds the blocks of a tree, and the blocks that its records speak of.
  template <BtreeTraits T>
  Result<void> scan_tree(AgNumber ag, AgTree which, OwnerKind kind) {
    XFSX_TRY(AgTreeRoot const root, find_tree_root(volume_, ag, which));
    BtreeReader<T> tree(volume_, root);
    return tree.visit_blocks([&](AgBlock at, BtreeNode<T> const& node) {
      list_.add(kind, ag, at, 1);
      for (u32 i = 0; node.level() == 0 && i < node.count(); ++i) add_record<T>(ag, node.record(i));
      return true;
    });
  }

  template <BtreeTraits T>
  void add_record(AgNumber ag, typename T::Record const& r) {
    if constexpr (std::same_as<T, Bnobt>) {
      list_.add(OwnerKind::free_space, ag, r.start, r.length);
    } else if constexpr (std::same_as<T, Inobt>) {
      add_chunk(ag, r);
    } else if constexpr (std::same_as<T, Refcountbt>) {
      if ((r.start & T::staging) == 0) return;
      list_.add(OwnerKind::staging, ag, AgBlock(r.start & ~T::staging), r.length);
    }
  }

  void add_chunk(AgNumber ag, Inobt::Record const& chunk) {
    for (u32 i = 0; i < inodes_per_chunk; i += inodes_per_hole_bit) {
      if (!chunk.exists(i)) continue;
      u64 const first = (u64{chunk.start.raw()} + i) / g_.inodes_per_block();
      u64 const last =
          (u64{chunk.start.raw()} + i + inodes_per_hole_bit - 1) / g_.inodes_per_block();
      list_.add(OwnerKind::inodes, ag, AgBlock(static_cast<u32>(first)), last - first + 1);
    }
  }

  Result<void> scan_inodes(AgNumber ag) {
    XFSX_TRY(AgTreeRoot const root, find_tree_root(volume_, ag, AgTree::inobt));
    BtreeReader<Inobt> tree(volume_, root);
    std::vector<Inobt::Record> chunks;
    Result<void> outcome = success();
    auto const flush = [&] {
      outcome = scan_chunks(ag, chunks);
      chunks.clear();
      return outcome.has_value() && !cancelled_;
    };
    XFSX_TRYV(tree.visit_blocks([&](AgBlock, BtreeNode<Inobt> const& node) {
      for (u32 i = 0; node.level() == 0 && i < node.count(); ++i) {
        chunks.push_back(node.record(i));
        if (chunks.size() == chunks_at_once && !flush()) return false;
      }
      return true;
    }));
    if (outcome && !cancelled_) flush();
    return outcome;
  }

  Result<void> scan_chunks(AgNumber ag, std::span<Inobt::Record const> chunks) {
    std::vector<InodeInChunk> inodes;
    for (Inobt::Record const& chunk : chunks) {
      for (u32 i = 0; i < inodes_per_chunk; ++i) {
        if ((chunk.free >> i & 1) != 0 || !chunk.exists(i)) continue;
        InodeNumber const ino = g_.inode_number(ag, AgInode(chunk.start.raw() + i));
        inodes.push_back({ino, chunk.start});
      }
    }
    prefetch_inodes(volume_, inodes);
    for (InodeInChunk const& inode : inodes) {
      XFSX_TRYV(tell(scan_inode(inode)));
    }
    done_ += inodes.size();
    cancelled_ = request_.cancelled && request_.cancelled(done_);
    return success();
  }

  Result<void> scan_inode(InodeInChunk const& which) {
    XFSX_TRY(Inode const inode, load_inode_of_chunk(volume_, which));
    if (fork_format(inode, ForkKind::data) == disk::ForkFormat::meta_btree) {
      XFSX_TRYV(tell(scan_realtime_tree(inode)));
    } else {
      XFSX_TRYV(tell(scan_fork(inode, ForkKind::data)));
    }
    return scan_fork(inode, ForkKind::attr);
  }

  /// The blocks of a btree of a realtime group, which are of the data device.
  Result<void> scan_realtime_tree(Inode const& inode) {
    auto const type = static_cast<disk::MetaType>(inode.core().metatype.value());
    return type == disk::MetaType::rt_rmap ? scan_inode_tree<RtRmapbt>(inode)
                                           : scan_inode_tree<RtRefcountbt>(inode);
  }

  template <BtreeTraits T>
  Result<void> scan_inode_tree(Inode const& inode) {
    BtreeReader<T> tree(volume_,
                        {fork_bytes(inode, ForkKind::data), inode.number, inode.location(g_)});
    return tree.visit_blocks([&](FsBlock at, BtreeNode<T> const&) {
      BlockOwner run;
      run.kind = OwnerKind::file;
      run.inode = inode.number;
      run.fork = ForkKind::data;
      run.ag = g_.ag_of(at);
      run.agblock = g_.agblock_of(at);
      run.length = 1;
      run.mapping_block = true;
      list_.add_file(run);
      return true;
    });
  }

  Result<void> scan_fork(Inode const& inode, ForkKind kind) {
    BlockOwner run;
    run.kind = OwnerKind::file;
    run.inode = inode.number;
    run.fork = kind == ForkKind::data ? ForkKind::data : ForkKind::attr;
    XFSX_TRY(std::vector<BufferRef> const tree, bmbt_blocks(volume_, inode, kind));
    for (BufferRef const& block : tree) {
      Location const at = g_.locate(block->daddr);
      run.ag = at.ag;
      run.agblock = at.agblock;
      run.length = 1;
      run.mapping_block = true;
      list_.add_file(run);
    }
    // The btree lies on the data device all the same.
    if (kind == ForkKind::data && inode.is_realtime()) return success();
    run.mapping_block = false;
    return for_each_mapping(volume_, inode, kind, [&](Mapping const& m) {
      run.ag = g_.ag_of(m.start);
      run.agblock = g_.agblock_of(m.start);
      run.length = m.length.raw();
      run.offset = m.offset;
      run.unwritten = m.unwritten;
      list_.add_file(run);
      return true;
    });
  }

  Volume& volume_;
  Geometry const& g_;
  OwnersRequest const& request_;
  OwnerList& list_;
  u64 done_ = 0;
  bool cancelled_ = false;
};

}  // namespace

Result<void> owners_by_scan(Volume& volume, OwnersRequest const& request, OwnerList& list) {
  return Scan(volume, request, list).run();
}

}  // namespace xfsx::inline v0
