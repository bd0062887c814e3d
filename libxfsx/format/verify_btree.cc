#include "format/verify_btree.h"

#include "disk/btree.h"
#include "format/mapping.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace xfsx::inline v0 {

namespace {

using disk::AllocRecord;
using disk::BmbtKey;
using disk::BmbtRecord;
using disk::BtreeLongBlock;
using disk::BtreeLongBlockV4;
using disk::BtreeShortBlock;
using disk::BtreeShortBlockV4;
using disk::InobtKey;
using disk::InobtRecord;
using disk::RefcountKey;
using disk::RefcountRecord;
using disk::RmapKey;
using disk::RmapRecord;

template <class T>
using View = CheckedView<T>;
using Context = BlockContext;

/// Where an item stands in the order of its tree, the most significant number first; and of which
/// fields those numbers are.
using Position = std::array<u64, 3>;
using PositionFields = std::array<std::string_view, 3>;

// A rule for each kind of record and key: `check` judges one item by itself, `first` says where it
// stands and `next` from where on its right neighbour may stand.

/// A run of blocks lies inside the AG, behind its headers.
template <class T>
Result<void> check_run(View<T> const& item, Context const& context, be32 const& length, u64 start,
                       auto const& start_field) {
  u64 const end = context.geometry.blocks_of(context.where.ag);
  XFSX_TRYV(item.require(
      start < end && context.geometry.valid(context.where.ag, AgBlock(static_cast<u32>(start))),
      start_field, end, Relation::below));
  XFSX_TRYV(item.template at_least<u32>(length, 1));
  return item.template at_most<u32>(length, static_cast<u32>(end - start));
}

struct AllocByStart {
  using Item = AllocRecord;
  static constexpr PositionFields fields{"startblock"};
  static Position first(Item const& r) { return {u64{r.startblock.raw()}, 0, 0}; }
  static Position next(Item const& r) {
    return {u64{r.startblock.raw()} + std::max(r.blockcount.value(), 1U), 0, 0};
  }
  static Result<void> check(View<Item> const& r, Context const& context) {
    return check_run(r, context, r->blockcount, r->startblock.raw(), r->startblock);
  }
};

struct AllocByLength : AllocByStart {
  static constexpr PositionFields fields{"blockcount", "startblock"};
  static Position first(Item const& r) {
    return {u64{r.blockcount.value()}, u64{r.startblock.raw()}, 0};
  }
  static Position next(Item const& r) {
    return {u64{r.blockcount.value()}, u64{r.startblock.raw()} + 1, 0};
  }
};

/// An inode number inside the AG.
bool is_inode(Context const& context, u64 agino) {
  return agino < null_agino.raw() && context.geometry.valid(context.geometry.inode_number(
                                         context.where.ag, AgInode(static_cast<u32>(agino))));
}

/// A chunk begins with a block, or with a multiple of 64 where a block holds more than a chunk.
Result<void> check_chunk_start(auto const& item, Context const& context) {
  u64 const start = item->startino.raw();
  u32 const unit = std::min(context.geometry.inodes_per_block(), inodes_per_chunk);
  XFSX_TRYV(item.require(start % unit == 0, item->startino, unit, Relation::multiple_of));
  return item.require(
      is_inode(context, start), item->startino,
      u64{context.geometry.blocks_of(context.where.ag)} * context.geometry.inodes_per_block(),
      Relation::below);
}

struct Chunk {
  using Item = InobtRecord;
  static constexpr PositionFields fields{"startino"};
  static Position first(Item const& r) { return {u64{r.startino.raw()}, 0, 0}; }
  static Position next(Item const& r) { return {u64{r.startino.raw()} + inodes_per_chunk, 0, 0}; }
  /// Bit n: inode n exists.
  static u64 existing(u16 holemask) {
    u64 bits = 0;
    for (u32 i = 0; i < inodes_per_chunk; ++i) {
      if ((holemask >> (i / inodes_per_hole_bit) & 1) == 0) bits |= u64{1} << i;
    }
    return bits;
  }
  static Result<void> check(View<Item> const& r, Context const& context) {
    XFSX_TRYV(check_chunk_start(r, context));
    bool const sparse = context.geometry.has(incompat::spinodes);
    if (!sparse) {
      XFSX_TRYV(r.template equal<u16>(r->holemask, 0));
    }
    u64 const there = existing(r->holemask.value());
    XFSX_TRYV(r.require(there != 0, r->holemask, 0xffff, Relation::below));
    XFSX_TRYV(r.equal(r->count, sparse ? static_cast<u8>(std::popcount(there)) : u8{0}));
    u64 const last = r->startino.raw() + 63U - static_cast<u32>(std::countl_zero(there));
    XFSX_TRYV(r.require(is_inode(context, last), r->startino, null_agino.raw(), Relation::below));
    u64 const free = r->free.value();
    XFSX_TRYV(r.require((free | there) == ~u64{0}, r->free, ~there, Relation::at_least));
    return r.equal(r->freecount, static_cast<u8>(std::popcount(free & there)));
  }
};

struct FreeChunk : Chunk {
  static Result<void> check(View<Item> const& r, Context const& context) {
    XFSX_TRYV(Chunk::check(r, context));
    return r.require(r->freecount != 0, r->freecount, 1, Relation::at_least);
  }
};

struct ChunkKey {
  using Item = InobtKey;
  static constexpr PositionFields fields{"startino"};
  static Position first(Item const& k) { return {u64{k.startino.raw()}, 0, 0}; }
  static Position next(Item const& k) { return {u64{k.startino.raw()} + inodes_per_chunk, 0, 0}; }
  static Result<void> check(View<Item> const& k, Context const& context) {
    return check_chunk_start(k, context);
  }
};

constexpr u32 cow_bit = 1U << 31;

struct Shared {
  using Item = RefcountRecord;
  static constexpr PositionFields fields{"startblock"};
  static Position first(Item const& r) { return {u64{r.startblock.value()}, 0, 0}; }
  static Position next(Item const& r) {
    return {u64{r.startblock.value()} + std::max(r.blockcount.value(), 1U), 0, 0};
  }
  static Result<void> check(View<Item> const& r, Context const& context) {
    u32 const start = r->startblock.value();
    XFSX_TRYV(check_run(r, context, r->blockcount, start & ~cow_bit, r->startblock));
    if ((start & cow_bit) != 0) return r.template equal<u32>(r->refcount, 1);
    return r.template at_least<u32>(r->refcount, 2);
  }
};

struct SharedKey {
  using Item = RefcountKey;
  static constexpr PositionFields fields{"startblock"};
  static Position first(Item const& k) { return {u64{k.startblock.value()}, 0, 0}; }
  static Position next(Item const& k) { return {u64{k.startblock.value()} + 1, 0, 0}; }
  static Result<void> check(View<Item> const& k, Context const& context) {
    AgBlock const start(k->startblock.value() & ~cow_bit);
    return k.require(context.geometry.valid(context.where.ag, start), k->startblock,
                     context.geometry.blocks_of(context.where.ag), Relation::below);
  }
};

/// The filesystem's own, by the highest and the lowest of their numbers.
bool is_special(u64 owner) {
  return owner <= disk::rmap_owner::fs && owner >= disk::rmap_owner::cow;
}

template <class T>
Result<void> check_owner(View<T> const& item, Context const& context, be64 const& field) {
  u64 const owner = field.value();
  return item.require(is_special(owner) || context.geometry.valid(InodeNumber(owner)), field,
                      disk::rmap_owner::cow, Relation::at_least);
}

/// Flags that go together, and an offset where the owner has one.
template <class T>
Result<void> check_offset(View<T> const& item, u64 owner, be64 const& field) {
  using namespace disk::rmap_flag;
  u64 const value = field.value();
  u64 allowed = offset_mask | attr_fork | unwritten;
  if ((value & bmbt_block) != 0) allowed = attr_fork | bmbt_block;
  if ((value & unwritten) != 0) allowed &= ~attr_fork;
  if (is_special(owner)) allowed = 0;
  return item.require((value & ~allowed) == 0, field, allowed, Relation::one_of_bits);
}

struct Owned {
  using Item = RmapRecord;
  static constexpr PositionFields fields{"startblock", "owner", "offset"};
  static Position first(Item const& r) {
    return {u64{r.startblock.raw()}, r.owner.value(),
            r.offset.value() & ~disk::rmap_flag::unwritten};
  }
  static Position next(Item const& r) {
    Position after = first(r);
    ++after[2];
    return after;
  }
  static Result<void> check(View<Item> const& r, Context const& context) {
    u64 const start = r->startblock.raw();
    u64 const end = context.geometry.blocks_of(context.where.ag);
    XFSX_TRYV(check_owner(r, context, r->owner));
    if (r->owner.value() == disk::rmap_owner::fs) {
      // The headers, which are no other's.
      XFSX_TRYV(r.template equal<AgBlock>(r->startblock, AgBlock(0)));
      XFSX_TRYV(r.template at_least<u32>(r->blockcount, 1));
      XFSX_TRYV(
          r.require(!context.geometry.valid(context.where.ag, AgBlock(r->blockcount.value() - 1)),
                    r->blockcount, end, Relation::below));
    } else {
      XFSX_TRYV(check_run(r, context, r->blockcount, start, r->startblock));
    }
    XFSX_TRYV(check_offset(r, r->owner.value(), r->offset));
    u64 const offset = r->offset.value() & disk::rmap_flag::offset_mask;
    bool const inside = offset + r->blockcount.value() - 1 <= disk::rmap_flag::offset_mask;
    return r.require(inside, r->offset, disk::rmap_flag::offset_mask, Relation::at_most);
  }
};

struct OwnedKey {
  using Item = RmapKey;
  static constexpr PositionFields fields{"startblock", "owner", "offset"};
  static Position first(Item const& k) {
    return {u64{k.startblock.raw()}, k.owner.value(), k.offset.value()};
  }
  static Position last(Item const& k) {
    return {u64{k.startblock_hi.raw()}, k.owner_hi.value(), k.offset_hi.value()};
  }
  static Position next(Item const& k) {
    Position after = first(k);
    ++after[2];
    return after;
  }
  static Result<void> check(View<Item> const& k, Context const& context) {
    u64 const end = context.geometry.blocks_of(context.where.ag);
    XFSX_TRYV(k.template below<AgBlock>(k->startblock, AgBlock(static_cast<u32>(end))));
    XFSX_TRYV(k.template below<AgBlock>(k->startblock_hi, AgBlock(static_cast<u32>(end))));
    XFSX_TRYV(check_owner(k, context, k->owner));
    XFSX_TRYV(check_owner(k, context, k->owner_hi));
    XFSX_TRYV(check_offset(k, k->owner.value(), k->offset));
    XFSX_TRYV(check_offset(k, k->owner_hi.value(), k->offset_hi));
    XFSX_TRYV(check_no_unwritten(k, k->offset));
    XFSX_TRYV(check_no_unwritten(k, k->offset_hi));
    return k.require(first(*k.operator->()) <= last(*k.operator->()), k->startblock_hi,
                     k->startblock.raw(), Relation::at_least);
  }
  static Result<void> check_no_unwritten(View<Item> const& k, be64 const& field) {
    u64 const flag = disk::rmap_flag::unwritten;
    return k.require((field.value() & flag) == 0, field, ~flag, Relation::one_of_bits);
  }
};

/// A run of blocks lies inside a realtime group.
template <class T>
Result<void> check_realtime_run(View<T> const& item, Context const& context, be32 const& length,
                                u64 start, auto const& start_field) {
  u64 const end = context.geometry.realtime().group_blocks();
  XFSX_TRYV(item.require(start < end, start_field, end, Relation::below));
  XFSX_TRYV(item.template at_least<u32>(length, 1));
  return item.require(length.value() <= end - start, length, end - start, Relation::at_most);
}

/// Inodes, the superblock of the section, and staging of a copy-on-write.
template <class T>
Result<void> check_realtime_owner(View<T> const& item, Context const& context, be64 const& field) {
  u64 const owner = field.value();
  bool const special = owner == disk::rmap_owner::fs || owner == disk::rmap_owner::cow;
  return item.require(special || context.geometry.valid(InodeNumber(owner)), field,
                      disk::rmap_owner::cow, Relation::equal);
}

/// Data forks alone lie there, and their mapping btrees do not.
template <class T>
Result<void> check_realtime_offset(View<T> const& item, u64 owner, be64 const& field,
                                   u64 further_flags) {
  u64 const allowed = is_special(owner) ? 0 : disk::rmap_flag::offset_mask | further_flags;
  return item.require((field.value() & ~allowed) == 0, field, allowed, Relation::one_of_bits);
}

struct RealtimeOwned : Owned {
  static Result<void> check(View<Item> const& r, Context const& context) {
    u64 const owner = r->owner.value();
    XFSX_TRYV(check_realtime_owner(r, context, r->owner));
    if (owner == disk::rmap_owner::fs) {
      XFSX_TRYV(r.template equal<AgBlock>(r->startblock, AgBlock(0)));
      XFSX_TRYV(r.template equal<u32>(r->blockcount, context.geometry.realtime().extent_blocks));
    }
    XFSX_TRYV(check_realtime_run(r, context, r->blockcount, r->startblock.raw(), r->startblock));
    XFSX_TRYV(check_realtime_offset(r, owner, r->offset, disk::rmap_flag::unwritten));
    u64 const offset = r->offset.value() & disk::rmap_flag::offset_mask;
    bool const inside = offset + r->blockcount.value() - 1 <= disk::rmap_flag::offset_mask;
    return r.require(inside, r->offset, disk::rmap_flag::offset_mask, Relation::at_most);
  }
};

struct RealtimeOwnedKey : OwnedKey {
  static Result<void> check(View<Item> const& k, Context const& context) {
    u64 const end = context.geometry.realtime().group_blocks();
    XFSX_TRYV(k.require(k->startblock.raw() < end, k->startblock, end, Relation::below));
    XFSX_TRYV(k.require(k->startblock_hi.raw() < end, k->startblock_hi, end, Relation::below));
    XFSX_TRYV(check_realtime_owner(k, context, k->owner));
    XFSX_TRYV(check_realtime_owner(k, context, k->owner_hi));
    XFSX_TRYV(check_realtime_offset(k, k->owner.value(), k->offset, 0));
    XFSX_TRYV(check_realtime_offset(k, k->owner_hi.value(), k->offset_hi, 0));
    return k.require(first(*k.operator->()) <= last(*k.operator->()), k->startblock_hi,
                     k->startblock.raw(), Relation::at_least);
  }
};

struct RealtimeShared : Shared {
  static Result<void> check(View<Item> const& r, Context const& context) {
    u32 const start = r->startblock.value();
    XFSX_TRYV(check_realtime_run(r, context, r->blockcount, start & ~cow_bit, r->startblock));
    if ((start & cow_bit) != 0) return r.template equal<u32>(r->refcount, 1);
    return r.template at_least<u32>(r->refcount, 2);
  }
};

struct RealtimeSharedKey : SharedKey {
  static Result<void> check(View<Item> const& k, Context const& context) {
    u64 const end = context.geometry.realtime().group_blocks();
    return k.require((k->startblock.value() & ~cow_bit) < end, k->startblock, end, Relation::below);
  }
};

struct FileMapping {
  using Item = BmbtRecord;
  static constexpr PositionFields fields{"startoff"};
  static Position first(Item const& r) { return {decode_mapping(r).offset.raw(), 0, 0}; }
  static Position next(Item const& r) {
    // Where an empty mapping is told from a good one, its neighbour has another key.
    Mapping const m = decode_mapping(r);
    return {m.offset.raw() + std::max<u64>(m.length.raw(), 1), 0, 0};
  }
  static Result<void> check(View<Item> const&, Context const&) { return success(); }
};

struct FileKey {
  using Item = BmbtKey;
  static constexpr PositionFields fields{"startoff"};
  static Position first(Item const& k) { return {k.startoff.raw(), 0, 0}; }
  static Position next(Item const& k) { return {k.startoff.raw() + 1, 0, 0}; }
  static Result<void> check(View<Item> const&, Context const&) { return success(); }
};

/// What a header begins with in every version.
template <class Header>
struct HeadOf;
template <>
struct HeadOf<BtreeShortBlock> {
  using type = BtreeShortBlockV4;
};
template <>
struct HeadOf<BtreeLongBlock> {
  using type = BtreeLongBlockV4;
};

/// A tree: its header, what its leaves and nodes hold, and its limits.
template <class BlockHeader, class LeafRule, class NodeRule>
struct Tree {
  using Header = BlockHeader;
  using Head = typename HeadOf<BlockHeader>::type;
  using Leaf = LeafRule;
  using Node = NodeRule;
  std::string_view name;
  u32 magic;
  u32 magic_v4;  ///< 0 for a tree that version 4 does not have
  u32 height;
  BtreeShape shape;
  bool empty_leaf = true;  ///< a leaf without records is allowed (the root of an empty tree)
};

constexpr Tree<BtreeShortBlock, AllocByStart, AllocByStart> bnobt{
    "bnobt block", disk::bnobt_magic, disk::bnobt_magic_v4, max_alloc_height, alloc_shape};
constexpr Tree<BtreeShortBlock, AllocByLength, AllocByLength> cntbt{
    "cntbt block", disk::cntbt_magic, disk::cntbt_magic_v4, max_alloc_height, alloc_shape};
constexpr Tree<BtreeShortBlock, Chunk, ChunkKey> inobt{
    "inobt block", disk::inobt_magic, disk::inobt_magic_v4, max_inobt_height, inobt_shape};
constexpr Tree<BtreeShortBlock, FreeChunk, ChunkKey> finobt{"finobt block", disk::finobt_magic, 0,
                                                            max_inobt_height, inobt_shape};
constexpr Tree<BtreeShortBlock, Owned, OwnedKey> rmapbt{"rmapbt block", disk::rmapbt_magic, 0,
                                                        max_rmapbt_height, rmapbt_shape};
constexpr Tree<BtreeShortBlock, Shared, SharedKey> refcountbt{
    "refcountbt block", disk::refcountbt_magic, 0, max_refcountbt_height, refcountbt_shape};
constexpr Tree<BtreeLongBlock, FileMapping, FileKey> bmbt{
    "bmbt block", disk::bmbt_magic, disk::bmbt_magic_v4, max_bmbt_height, bmbt_shape, false};
constexpr Tree<BtreeLongBlock, RealtimeOwned, RealtimeOwnedKey> rtrmapbt{
    "rtrmapbt block", disk::rtrmapbt_magic, 0, max_rtrmapbt_height, rtrmapbt_shape, false};
constexpr Tree<BtreeLongBlock, RealtimeShared, RealtimeSharedKey> rtrefcountbt{
    "rtrefcountbt block",    disk::rtrefcountbt_magic, 0,
    max_rtrefcountbt_height, rtrefcountbt_shape,       false};

/// A sibling exists and is not the block itself; all ones stand for none.
Result<void> check_sibling(View<BtreeShortBlockV4> const& block, be<AgBlock> const& link,
                           Context const& context) {
  if (link.value() == null_agblock) return success();
  XFSX_TRYV(block.require(context.geometry.valid(context.where.ag, link.value()), link,
                          context.geometry.blocks_of(context.where.ag), Relation::below));
  return block.require(link.value() != context.where.agblock, link, context.where.agblock.raw(),
                       Relation::not_equal);
}

Result<void> check_sibling(View<BtreeLongBlockV4> const& block, be<FsBlock> const& link,
                           Context const& context) {
  if (link.value() == null_fsblock) return success();
  XFSX_TRYV(block.require(context.geometry.valid(link.value(), BlockCount(1)), link,
                          context.geometry.data_blocks(), Relation::below));
  Daddr const at = context.geometry.daddr(link.value());
  return block.require(at.raw() != context.where.address, link, link.raw(), Relation::not_equal);
}

template <class T>
Result<void> check_header(T const& tree, View<typename T::Head> const& block, std::size_t bytes,
                          Context const& context) {
  FormatVersion const& version = context.geometry.version();
  XFSX_TRYV(block.equal(block->magic, version.self_describing ? tree.magic : tree.magic_v4));
  XFSX_TRYV(block.template below<u16>(block->level, static_cast<u16>(tree.height)));
  u32 const most = tree.shape.on(version).max_records(bytes, block->level.value());
  XFSX_TRYV(block.template at_most<u16>(block->numrecs, static_cast<u16>(most)));
  u16 const least = tree.empty_leaf && block->level.value() == 0 ? 0 : 1;
  XFSX_TRYV(block.template at_least<u16>(block->numrecs, least));
  XFSX_TRYV(check_sibling(block, block->leftsib, context));
  return check_sibling(block, block->rightsib, context);
}

/// `item` stands at or behind `least`, and something may follow it.
template <class Rule>
Result<void> check_position(typename Rule::Item const& item, Position const& least,
                            Context const& context, std::string_view structure) {
  Position const found = Rule::first(item);
  // Nothing can follow an item at the end of all numbers: its end wraps.
  bool const wraps = Rule::next(item) <= found;
  if (found >= least && !wraps) return success();
  std::size_t const i =
      wraps ? 0 : static_cast<std::size_t>(std::ranges::mismatch(found, least).in1 - found.begin());
  Error e = located(Errc::bad_value, structure, context.where);
  e.field = Rule::fields[i];
  e.relation = wraps ? Relation::below : Relation::at_least;
  e.found.number = found[i];
  e.expected.number = wraps ? ~u64{0} : least[i];
  return e;
}

template <class Rule>
Result<void> check_items(std::span<typename Rule::Item const> items, Context const& context,
                         std::string_view structure) {
  Position least{};
  for (typename Rule::Item const& item : items) {
    XFSX_TRYV(Rule::check(View<typename Rule::Item>(item, context.where, structure), context));
    XFSX_TRYV(check_position<Rule>(item, least, context, structure));
    least = Rule::next(item);
  }
  return success();
}

bool leads_inside(Context const& context, be<AgBlock> const& pointer) {
  return context.geometry.valid(context.where.ag, pointer.value()) &&
         pointer.value() != context.where.agblock;
}

bool leads_inside(Context const& context, be<FsBlock> const& pointer) {
  return context.geometry.valid(pointer.value(), BlockCount(1)) &&
         context.geometry.daddr(pointer.value()).raw() != context.where.address;
}

template <class Pointer>
Result<void> check_pointers(std::span<Pointer const> pointers, Context const& context,
                            std::string_view structure) {
  for (Pointer const& pointer : pointers) {
    if (leads_inside(context, pointer)) continue;
    Error e = located(Errc::bad_value, structure, context.where);
    e.field = "ptrs";
    e.relation = Relation::below;
    e.found.number = pointer.raw();
    e.expected.number = sizeof(Pointer) == sizeof(be32)
                            ? context.geometry.blocks_of(context.where.ag)
                            : context.geometry.data_blocks();
    return e;
  }
  return success();
}

template <class T>
Result<void> check_tree(T const& tree, ConstBytes bytes, Context const& context) {
  using Leaf = typename T::Leaf;
  using Node = typename T::Node;
  using Pointer = decltype(T::Header::leftsib);
  using Head = typename T::Head;
  BtreeShape const shape = tree.shape.on(context.geometry.version());
  View<Head> const block(view_as<Head>(bytes), context.where, tree.name);
  XFSX_TRYV(check_header(tree, block, bytes.size(), context));
  u16 const count = block->numrecs.value();
  if (block->level.value() == 0) {
    return check_items<Leaf>(view_array<typename Leaf::Item>(bytes, shape.header, count), context,
                             tree.name);
  }
  XFSX_TRYV(check_items<Node>(view_array<typename Node::Item>(bytes, shape.header, count), context,
                              tree.name));
  return check_pointers(view_array<Pointer>(bytes, shape.pointers_at(bytes.size()), count), context,
                        tree.name);
}

/// The root in a fork; unlike a block, an empty leaf of it may be.
template <class T>
Result<void> check_root(T const& tree, ConstBytes fork, Context const& context) {
  using Leaf = typename T::Leaf;
  using Node = typename T::Node;
  constexpr std::string_view structure = "inode";
  View<disk::BmdrBlock> const root(view_as<disk::BmdrBlock>(fork), context.where, structure);
  XFSX_TRYV(root.template below<u16>(root->level, static_cast<u16>(tree.height)));
  constexpr std::size_t first = sizeof(disk::BmdrBlock);
  u32 const room = static_cast<u32>(fork.size() - first);
  u32 const level = root->level.value();
  u32 const most = level == 0 ? room / tree.shape.record : tree.shape.root_max(room);
  XFSX_TRYV(root.template at_most<u16>(root->numrecs, static_cast<u16>(most)));
  u16 const count = root->numrecs.value();
  if (level == 0) {
    return check_items<Leaf>(view_array<typename Leaf::Item>(fork, first, count), context,
                             structure);
  }
  XFSX_TRYV(root.template at_least<u16>(root->numrecs, 1));
  XFSX_TRYV(
      check_items<Node>(view_array<typename Node::Item>(fork, first, count), context, structure));
  std::size_t const pointers = first + std::size_t{most} * tree.shape.key;
  return check_pointers(view_array<be<FsBlock>>(fork, pointers, count), context, structure);
}

template <auto const& tree>
Result<void> verify(ConstBytes bytes, Context const& context) {
  return check_tree(tree, bytes, context);
}

template <auto const& tree>
constexpr BlockKind kind_of() {
  using Header = typename std::remove_cvref_t<decltype(tree)>::Header;
  BlockKind kind{.name = tree.name,
                 .log_type = disk::BufferType::btree,
                 .crc = offsetof(Header, crc),
                 .lsn = offsetof(Header, lsn),
                 .uuid = offsetof(Header, uuid),
                 .address = offsetof(Header, bno),
                 .owner = offsetof(Header, owner),
                 .verify = verify<tree>};
  kind.owner_is_ag = sizeof(Header::owner) == sizeof(be32);
  return kind;
}

}  // namespace

Result<void> verify_rtrmapbt_root(ConstBytes fork, BlockContext const& context) {
  return check_root(rtrmapbt, fork, context);
}

Result<void> verify_rtrefcountbt_root(ConstBytes fork, BlockContext const& context) {
  return check_root(rtrefcountbt, fork, context);
}

constinit BlockKind const bnobt_kind = kind_of<bnobt>();
constinit BlockKind const cntbt_kind = kind_of<cntbt>();
constinit BlockKind const inobt_kind = kind_of<inobt>();
constinit BlockKind const finobt_kind = kind_of<finobt>();
constinit BlockKind const rmapbt_kind = kind_of<rmapbt>();
constinit BlockKind const refcountbt_kind = kind_of<refcountbt>();
constinit BlockKind const bmbt_kind = kind_of<bmbt>();
constinit BlockKind const rtrmapbt_kind = kind_of<rtrmapbt>();
constinit BlockKind const rtrefcountbt_kind = kind_of<rtrefcountbt>();

}  // namespace xfsx::inline v0
