#pragma once
// The btrees of an AG as an editor sees them: rooted in one of its headers, their blocks taken from
// the free list or from free space, and given back.

#include "ag/headers.h"
#include "btree/editor.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// Blocks put by for the trees of an AG.
class TreeBlocks {
 public:
  virtual ~TreeBlocks() = default;
  /// Errors: refused ENOSPC.
  virtual Result<AgBlock> take(BlockKind const& kind) = 0;
  virtual Result<void> give(BlockKind const& kind, AgBlock block) = 0;
};

/// The members of an AG's header that say where a tree begins and, for some, how many blocks it
/// has.
template <class T>
struct TreeRootFields;
template <>
struct TreeRootFields<Bnobt> {
  using Header = disk::Agf;
  static constexpr auto root = &disk::Agf::bnoroot;
  static constexpr auto height = &disk::Agf::bnolevel;
};
template <>
struct TreeRootFields<Cntbt> {
  using Header = disk::Agf;
  static constexpr auto root = &disk::Agf::cntroot;
  static constexpr auto height = &disk::Agf::cntlevel;
};
template <>
struct TreeRootFields<Rmapbt> {
  using Header = disk::Agf;
  static constexpr auto root = &disk::Agf::rmaproot;
  static constexpr auto height = &disk::Agf::rmaplevel;
};
template <>
struct TreeRootFields<Refcountbt> {
  using Header = disk::Agf;
  static constexpr auto root = &disk::Agf::refcntroot;
  static constexpr auto height = &disk::Agf::refcntlevel;
  static constexpr auto blocks = &disk::Agf::refcntblocks;
  static bool counted(Geometry const&) { return true; }
};
template <>
struct TreeRootFields<Inobt> {
  using Header = disk::Agi;
  static constexpr auto root = &disk::Agi::root;
  static constexpr auto height = &disk::Agi::level;
  static constexpr auto blocks = &disk::Agi::ino_blocks;
  static bool counted(Geometry const& g) { return g.has_ro(ro_compat::inobtcnt); }
};
template <>
struct TreeRootFields<Finobt> {
  using Header = disk::Agi;
  static constexpr auto root = &disk::Agi::free_root;
  static constexpr auto height = &disk::Agi::free_level;
  static constexpr auto blocks = &disk::Agi::fino_blocks;
  static bool counted(Geometry const& g) { return g.has_ro(ro_compat::inobtcnt); }
};

template <class T>
class AgTreeStore {
 public:
  using Header = typename TreeRootFields<T>::Header;

  AgTreeStore(Transaction& txn, AgNumber ag, BufferRef header, TreeBlocks& blocks)
      : txn_(txn), ag_(ag), header_(std::move(header)), blocks_(blocks) {}

  Result<ConstBytes> read(AgBlock at) {
    XFSX_TRY(BufferRef const block, load(at));
    return block->bytes();
  }
  Result<Bytes> edit(AgBlock at) {
    XFSX_TRY(BufferRef const block, load(at));
    return txn_.edit(block);
  }
  Result<AgBlock> allocate(u32 level) {
    XFSX_TRY(AgBlock const at, blocks_.take(T::kind()));
    if (!geometry().valid(ag_, at)) return outside(at);
    Daddr const daddr = geometry().daddr(ag_, at);
    XFSX_TRY(Bytes const block, txn_.create(T::kind(), daddr, one()));
    auto& head = edit_as<disk::BtreeShortBlockV4>(block);
    head.magic = btree_magic<T>(version());
    head.level = static_cast<u16>(level);
    head.leftsib = null_agblock;
    head.rightsib = null_agblock;
    if (version().self_describing) {
      auto& identity = edit_as<disk::BtreeShortBlock>(block);
      identity.bno = daddr;
      identity.uuid = geometry().meta_uuid();
      identity.owner = ag_;
    }
    XFSX_TRYV(count_block(1));
    return at;
  }
  Result<void> release(AgBlock at) {
    XFSX_TRY(BufferRef const block, load(at));
    XFSX_TRYV(txn_.release(block));
    XFSX_TRYV(count_block(~u32{0}));
    return blocks_.give(T::kind(), at);
  }
  void prefetch(std::span<AgBlock const> blocks) {
    std::vector<BlockExtent> extents;
    for (AgBlock const at : blocks) {
      if (geometry().valid(ag_, at)) extents.push_back({geometry().daddr(ag_, at), one()});
    }
    std::ranges::sort(extents, {}, &BlockExtent::daddr);
    txn_.volume().cache().prefetch(extents);
  }
  [[nodiscard]] Location locate(AgBlock at) const {
    return geometry().locate(geometry().daddr(ag_, at));
  }
  [[nodiscard]] FormatVersion const& version() const { return geometry().version(); }
  [[nodiscard]] u32 block_size() const { return geometry().block_size(); }

  [[nodiscard]] AgBlock root_block() const { return (header().*TreeRootFields<T>::root).value(); }
  [[nodiscard]] u32 root_level() const { return (header().*TreeRootFields<T>::height).value() - 1; }
  Result<void> set_root(AgBlock at, u32 level) {
    if (at == root_block() && level == root_level()) return success();
    XFSX_TRY(Bytes const copy, txn_.edit(header_));
    auto& header = edit_as<Header>(copy);
    header.*TreeRootFields<T>::root = at;
    header.*TreeRootFields<T>::height = level + 1;
    return success();
  }

 private:
  [[nodiscard]] Geometry const& geometry() const { return txn_.volume().geometry(); }
  [[nodiscard]] SectorCount one() const { return geometry().sectors(BlockCount(1)); }
  /// The header as the transaction has it.
  [[nodiscard]] Header const& header() const {
    auto const edited = txn_.blocks().find(header_->daddr.raw());
    return view_as<Header>(edited == txn_.blocks().end() ? header_->bytes()
                                                         : edited->second.copy->bytes());
  }
  /// Counts a block in or out, where the header does and the caller's `blocks_` does not.
  Result<void> count_block(u32 change) {
    if constexpr (requires { TreeRootFields<T>::blocks; }) {
      if (!TreeRootFields<T>::counted(geometry())) return success();
      XFSX_TRY(Bytes const copy, txn_.edit(header_));
      auto& blocks = edit_as<Header>(copy).*TreeRootFields<T>::blocks;
      blocks = blocks.value() + change;
    }
    return success();
  }
  Result<BufferRef> load(AgBlock at) {
    if (!geometry().valid(ag_, at)) return outside(at);
    return txn_.read(T::kind(), geometry().daddr(ag_, at), one());
  }
  Error outside(AgBlock at) const {
    return btree_error(T::kind(), geometry().locate(header_->daddr), "ptrs", at.raw(),
                       geometry().blocks_of(ag_), Relation::below);
  }

  Transaction& txn_;
  AgNumber ag_;
  BufferRef header_;
  TreeBlocks& blocks_;
};

}  // namespace xfsx::inline v0
