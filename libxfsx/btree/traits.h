#pragma once
// What a btree of the XFS family must say about itself; the algorithms ask for no more.

#include "disk/btree.h"
#include "format/mapping.h"
#include "format/verify_btree.h"

#include <compare>
#include <concepts>

namespace xfsx::inline v0 {

template <class T>
concept BtreeTraits = requires(typename T::Record record, typename T::Key key,
                               typename T::DiskRecord on_disk, typename T::DiskKey disk_key) {
  typename T::Block;  ///< what a block begins with in every version of the format
  typename T::Pointer;
  { T::kind() } -> std::same_as<BlockKind const&>;
  { T::shape } -> std::convertible_to<BtreeShape>;
  { T::height } -> std::convertible_to<u32>;
  { T::key_name } -> std::convertible_to<std::string_view>;
  { T::decode(on_disk) } -> std::same_as<typename T::Record>;
  { T::encode(record) } -> std::same_as<typename T::DiskRecord>;
  { T::key_of(record) } -> std::same_as<typename T::Key>;
  { T::decode_key(disk_key) } -> std::same_as<typename T::Key>;
  /// The key that a node has for a block with this record alone.
  { T::disk_key(record) } -> std::same_as<typename T::DiskKey>;
  /// What an error shows of a key: its most significant number.
  { T::number(key) } -> std::same_as<u64>;
} && std::three_way_comparable<typename T::Key>;

/// Records are runs of something, by whose numbers the tree is sorted: ranges can be asked for.
template <class T>
concept RangedBtree = BtreeTraits<T> && requires(typename T::Record record, u64 number) {
  { T::first(record) } -> std::same_as<u64>;
  { T::end(record) } -> std::same_as<u64>;
};

/// Runs overlap: a node tells for each child how far the records below reach.
template <class T>
concept OverlappingBtree =
    RangedBtree<T> &&
    requires(typename T::Record record, typename T::Key key, typename T::DiskKey disk_key) {
      { T::high_key_of(record) } -> std::same_as<typename T::Key>;
      { T::decode_high_key(disk_key) } -> std::same_as<typename T::Key>;
      /// Makes the upper half of `disk_key` say that runs reach as far as `high`.
      { T::set_high_key(disk_key, key) };
    };

/// What trees of free space have in common.
struct AllocTree {
  using Block = disk::BtreeShortBlockV4;
  using Pointer = AgBlock;
  using DiskRecord = disk::AllocRecord;
  using DiskKey = disk::AllocRecord;
  struct Record {
    AgBlock start;
    u32 length = 0;
    friend bool operator==(Record const&, Record const&) = default;
  };
  static constexpr BtreeShape shape = alloc_shape;
  static constexpr u32 height = max_alloc_height;
  static Record decode(DiskRecord const& d) { return {d.startblock.value(), d.blockcount.value()}; }
  static DiskRecord encode(Record const& r) {
    DiskRecord d;
    d.startblock = r.start;
    d.blockcount = r.length;
    return d;
  }
  static DiskKey disk_key(Record const& r) { return encode(r); }
};

/// Free runs of an AG by their start.
struct Bnobt : AllocTree {
  using Key = AgBlock;
  static constexpr u32 magic = disk::bnobt_magic;
  static constexpr u32 magic_v4 = disk::bnobt_magic_v4;
  static constexpr std::string_view key_name = "startblock";
  static BlockKind const& kind() { return bnobt_kind; }
  static Key key_of(Record const& r) { return r.start; }
  static Key decode_key(DiskKey const& k) { return k.startblock.value(); }
  static u64 number(Key const& key) { return key.raw(); }
  static u64 first(Record const& r) { return r.start.raw(); }
  static u64 end(Record const& r) { return u64{r.start.raw()} + r.length; }
};
static_assert(RangedBtree<Bnobt>);

/// The same by their length, and by their start where they are as long.
struct Cntbt : AllocTree {
  struct Key {
    u32 length = 0;
    AgBlock start;
    friend auto operator<=>(Key const&, Key const&) = default;
  };
  static constexpr u32 magic = disk::cntbt_magic;
  static constexpr u32 magic_v4 = disk::cntbt_magic_v4;
  static constexpr std::string_view key_name = "blockcount";
  static BlockKind const& kind() { return cntbt_kind; }
  static Key key_of(Record const& r) { return {r.length, r.start}; }
  static Key decode_key(DiskKey const& k) { return {k.blockcount.value(), k.startblock.value()}; }
  static u64 number(Key const& key) { return key.length; }
};
static_assert(BtreeTraits<Cntbt>);

/// Chunks of 64 inodes of an AG.
struct Inobt {
  using Block = disk::BtreeShortBlockV4;
  using Pointer = AgBlock;
  using DiskRecord = disk::InobtRecord;
  using DiskKey = disk::InobtKey;
  using Key = AgInode;
  struct Record {
    AgInode start;
    u16 holemask = 0;  ///< bit n: inodes 4n to 4n+3 do not exist; 0 without sparse chunks
    u8 count = 0;      ///< inodes that exist; 0 without sparse chunks
    u8 freecount = 0;
    u64 free = 0;  ///< bit n: inode n is free, or does not exist
    friend bool operator==(Record const&, Record const&) = default;
    /// Whether inode `index` of the chunk exists, in use or free.
    [[nodiscard]] bool exists(u32 index) const {
      return (holemask >> (index / inodes_per_hole_bit) & 1) == 0;
    }
  };
  static constexpr BtreeShape shape = inobt_shape;
  static constexpr u32 height = max_inobt_height;
  static constexpr u32 magic = disk::inobt_magic;
  static constexpr u32 magic_v4 = disk::inobt_magic_v4;
  static constexpr std::string_view key_name = "startino";
  static BlockKind const& kind() { return inobt_kind; }
  static Record decode(DiskRecord const& d) {
    return {d.startino.value(), d.holemask.value(), d.count, d.freecount, d.free.value()};
  }
  static DiskRecord encode(Record const& r) {
    DiskRecord d;
    d.startino = r.start;
    d.holemask = r.holemask;
    d.count = r.count;
    d.freecount = r.freecount;
    d.free = r.free;
    return d;
  }
  static DiskKey disk_key(Record const& r) {
    DiskKey k;
    k.startino = r.start;
    return k;
  }
  static Key key_of(Record const& r) { return r.start; }
  static Key decode_key(DiskKey const& k) { return k.startino.value(); }
  static u64 number(Key const& key) { return key.raw(); }
  static u64 first(Record const& r) { return r.start.raw(); }
  static u64 end(Record const& r) { return u64{r.start.raw()} + inodes_per_chunk; }
};
static_assert(RangedBtree<Inobt>);

/// Those of them with a free inode.
struct Finobt : Inobt {
  static constexpr u32 magic = disk::finobt_magic;
  static BlockKind const& kind() { return finobt_kind; }
};
static_assert(RangedBtree<Finobt>);

/// Owners of the blocks of an AG. Where blocks are shared, runs of several owners overlap.
struct Rmapbt {
  using Block = disk::BtreeShortBlockV4;
  using Pointer = AgBlock;
  using DiskRecord = disk::RmapRecord;
  using DiskKey = disk::RmapKey;
  struct Key {
    AgBlock start;
    u64 owner = 0;
    u64 offset = 0;  ///< with the flags of the fork, without that of unwritten blocks
    friend auto operator<=>(Key const&, Key const&) = default;
  };
  struct Record {
    AgBlock start;
    u32 length = 0;
    u64 owner = 0;   ///< an inode number, or one of disk::rmap_owner
    u64 offset = 0;  ///< file block
    bool attr_fork = false, bmbt_block = false, unwritten = false;
    friend bool operator==(Record const&, Record const&) = default;
    /// Whether `owner` is an inode.
    [[nodiscard]] bool of_inode() const { return owner < disk::rmap_owner::cow; }
  };
  static constexpr BtreeShape shape = rmapbt_shape;
  static constexpr u32 height = max_rmapbt_height;
  static constexpr u32 magic = disk::rmapbt_magic;
  static constexpr std::string_view key_name = "startblock";
  static BlockKind const& kind() { return rmapbt_kind; }
  static Record decode(DiskRecord const& d) {
    u64 const offset = d.offset.value();
    return {d.startblock.value(),
            d.blockcount.value(),
            d.owner.value(),
            offset & disk::rmap_flag::offset_mask,
            (offset & disk::rmap_flag::attr_fork) != 0,
            (offset & disk::rmap_flag::bmbt_block) != 0,
            (offset & disk::rmap_flag::unwritten) != 0};
  }
  static DiskRecord encode(Record const& r) {
    DiskRecord d;
    d.startblock = r.start;
    d.blockcount = r.length;
    d.owner = r.owner;
    d.offset = keyed(r, r.offset) | (r.unwritten ? disk::rmap_flag::unwritten : 0);
    return d;
  }
  static DiskKey disk_key(Record const& r) {
    DiskKey k;
    k.startblock = r.start;
    k.owner = r.owner;
    k.offset = keyed(r, r.offset);
    set_high_key(k, high_key_of(r));
    return k;
  }
  static void set_high_key(DiskKey& k, Key const& high) {
    k.startblock_hi = high.start;
    k.owner_hi = high.owner;
    k.offset_hi = high.offset;
  }
  static Key key_of(Record const& r) { return {r.start, r.owner, keyed(r, r.offset)}; }
  /// The last block, and what lies there: offsets of a file's blocks go on with them.
  static Key high_key_of(Record const& r) {
    u64 const more = r.length - 1;
    bool const goes_on = r.of_inode() && !r.bmbt_block;
    return {AgBlock(static_cast<u32>(r.start.raw() + more)), r.owner,
            keyed(r, goes_on ? r.offset + more : r.offset)};
  }
  static Key decode_key(DiskKey const& k) {
    return {k.startblock.value(), k.owner.value(), k.offset.value()};
  }
  static Key decode_high_key(DiskKey const& k) {
    return {k.startblock_hi.value(), k.owner_hi.value(), k.offset_hi.value()};
  }
  static u64 number(Key const& key) { return key.start.raw(); }
  static u64 first(Record const& r) { return r.start.raw(); }
  static u64 end(Record const& r) { return u64{r.start.raw()} + r.length; }

 private:
  static u64 keyed(Record const& r, u64 offset) {
    return offset | (r.attr_fork ? disk::rmap_flag::attr_fork : 0) |
           (r.bmbt_block ? disk::rmap_flag::bmbt_block : 0);
  }
};
static_assert(OverlappingBtree<Rmapbt>);

/// Shared blocks of an AG.
struct Refcountbt {
  using Block = disk::BtreeShortBlockV4;
  using Pointer = AgBlock;
  using DiskRecord = disk::RefcountRecord;
  using DiskKey = disk::RefcountKey;
  /// The start block; its top bit puts copy-on-write staging behind everything else.
  using Key = u32;
  struct Record {
    Key start = 0;
    u32 length = 0;
    u32 count = 0;
    friend bool operator==(Record const&, Record const&) = default;
  };
  static constexpr Key staging = 1U << 31;
  static constexpr BtreeShape shape = refcountbt_shape;
  static constexpr u32 height = max_refcountbt_height;
  static constexpr u32 magic = disk::refcountbt_magic;
  static constexpr std::string_view key_name = "startblock";
  static BlockKind const& kind() { return refcountbt_kind; }
  static Record decode(DiskRecord const& d) {
    return {d.startblock.value(), d.blockcount.value(), d.refcount.value()};
  }
  static DiskRecord encode(Record const& r) {
    DiskRecord d;
    d.startblock = r.start;
    d.blockcount = r.length;
    d.refcount = r.count;
    return d;
  }
  static DiskKey disk_key(Record const& r) {
    DiskKey k;
    k.startblock = r.start;
    return k;
  }
  static Key key_of(Record const& r) { return r.start; }
  static Key decode_key(DiskKey const& k) { return k.startblock.value(); }
  static u64 number(Key const& key) { return key; }
  static u64 first(Record const& r) { return r.start; }
  static u64 end(Record const& r) { return u64{r.start} + r.length; }
};
static_assert(RangedBtree<Refcountbt>);

/// Mappings of a fork.
struct Bmbt {
  using Block = disk::BtreeLongBlockV4;
  using Pointer = FsBlock;
  using DiskRecord = disk::BmbtRecord;
  using DiskKey = disk::BmbtKey;
  using Key = FileBlock;
  using Record = Mapping;
  static constexpr BtreeShape shape = bmbt_shape;
  static constexpr u32 height = max_bmbt_height;
  static constexpr u32 magic = disk::bmbt_magic;
  static constexpr u32 magic_v4 = disk::bmbt_magic_v4;
  static constexpr std::string_view key_name = "startoff";
  static BlockKind const& kind() { return bmbt_kind; }
  static Record decode(DiskRecord const& d) { return decode_mapping(d); }
  static DiskRecord encode(Record const& r) { return encode_mapping(r); }
  static DiskKey disk_key(Record const& r) {
    DiskKey k;
    k.startoff = r.offset;
    return k;
  }
  static Key key_of(Record const& r) { return r.offset; }
  static Key decode_key(DiskKey const& k) { return k.startoff.value(); }
  static u64 number(Key const& key) { return key.raw(); }
  static u64 first(Record const& r) { return r.offset.raw(); }
  static u64 end(Record const& r) { return r.end().raw(); }
};
static_assert(RangedBtree<Bmbt>);

/// Owners of the blocks of a realtime group, `start` being a block of the group.
struct RtRmapbt : Rmapbt {
  using Block = disk::BtreeLongBlockV4;
  using Pointer = FsBlock;
  static constexpr BtreeShape shape = rtrmapbt_shape;
  static constexpr u32 height = max_rtrmapbt_height;
  static constexpr u32 magic = disk::rtrmapbt_magic;
  static constexpr bool records_in_root = true;  ///< where there are few
  static BlockKind const& kind() { return rtrmapbt_kind; }
};
static_assert(OverlappingBtree<RtRmapbt>);

/// Shared blocks of a realtime group.
struct RtRefcountbt : Refcountbt {
  using Block = disk::BtreeLongBlockV4;
  using Pointer = FsBlock;
  static constexpr BtreeShape shape = rtrefcountbt_shape;
  static constexpr u32 height = max_rtrefcountbt_height;
  static constexpr u32 magic = disk::rtrefcountbt_magic;
  static constexpr bool records_in_root = true;  ///< where there are few
  static BlockKind const& kind() { return rtrefcountbt_kind; }
};
static_assert(RangedBtree<RtRefcountbt>);

/// What blocks of a tree begin with.
template <BtreeTraits T>
u32 btree_magic(FormatVersion const& version) {
  if constexpr (requires { T::magic_v4; }) {
    if (!version.self_describing) return T::magic_v4;
  }
  return T::magic;
}

}  // namespace xfsx::inline v0
