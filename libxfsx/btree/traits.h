#pragma once
// What a btree of the XFS family must say about itself; the algorithms ask for no more.

#include "disk/btree.h"
#include "format/mapping.h"
#include "format/verify_btree.h"

#include <compare>
#include <concepts>

namespace xfsx::inline v0 {

template <class T>
concept BtreeTraits = requires(typename T::Record record, typename T::DiskRecord on_disk,
                               typename T::DiskKey disk_key) {
  typename T::Block;
  { T::kind() } -> std::same_as<BlockKind const&>;
  { T::shape } -> std::convertible_to<BtreeShape>;
  { T::height } -> std::convertible_to<u32>;
  { T::key_name } -> std::convertible_to<std::string_view>;
  { T::decode(on_disk) } -> std::same_as<typename T::Record>;
  { T::key_of(record) } -> std::same_as<typename T::Key>;
  { T::decode_key(disk_key) } -> std::same_as<typename T::Key>;
  typename T::Pointer;
} && std::three_way_comparable<typename T::Key>;

/// Chunks of 64 inodes of an AG.
struct Inobt {
  using Block = disk::BtreeShortBlock;
  using Pointer = AgBlock;
  using DiskRecord = disk::InobtRecord;
  using DiskKey = disk::InobtKey;
  using Key = AgInode;
  struct Record {
    AgInode start;
    u16 holemask = 0;
    u8 freecount = 0;
    u64 free = 0;
  };
  static constexpr BtreeShape shape = inobt_shape;
  static constexpr u32 height = max_inobt_height;
  static constexpr std::string_view key_name = "startino";
  static BlockKind const& kind() { return inobt_kind; }
  static Record decode(DiskRecord const& d) {
    return {d.startino.value(), d.holemask.value(), d.freecount, d.free.value()};
  }
  static Key key_of(Record const& r) { return r.start; }
  static Key decode_key(DiskKey const& k) { return k.startino.value(); }
};
static_assert(BtreeTraits<Inobt>);

/// Shared blocks of an AG.
struct Refcountbt {
  using Block = disk::BtreeShortBlock;
  using Pointer = AgBlock;
  using DiskRecord = disk::RefcountRecord;
  using DiskKey = disk::RefcountKey;
  /// The start block; its top bit puts copy-on-write staging behind everything else.
  using Key = u32;
  struct Record {
    Key start = 0;
    u32 length = 0;
    u32 count = 0;
  };
  static constexpr Key staging = 1U << 31;
  static constexpr BtreeShape shape = refcountbt_shape;
  static constexpr u32 height = max_refcountbt_height;
  static constexpr std::string_view key_name = "startblock";
  static BlockKind const& kind() { return refcountbt_kind; }
  static Record decode(DiskRecord const& d) {
    return {d.startblock.value(), d.blockcount.value(), d.refcount.value()};
  }
  static Key key_of(Record const& r) { return r.start; }
  static Key decode_key(DiskKey const& k) { return k.startblock.value(); }
};
static_assert(BtreeTraits<Refcountbt>);

/// Mappings of a fork.
struct Bmbt {
  using Block = disk::BtreeLongBlock;
  using Pointer = FsBlock;
  using DiskRecord = disk::BmbtRecord;
  using DiskKey = disk::BmbtKey;
  using Key = FileBlock;
  using Record = Mapping;
  static constexpr BtreeShape shape = bmbt_shape;
  static constexpr u32 height = max_bmbt_height;
  static constexpr std::string_view key_name = "startoff";
  static BlockKind const& kind() { return bmbt_kind; }
  static Record decode(DiskRecord const& d) { return decode_mapping(d); }
  static DiskRecord encode(Record const& r) { return encode_mapping(r); }
  static Key key_of(Record const& r) { return r.offset; }
  static Key decode_key(DiskKey const& k) { return k.startoff.value(); }
};
static_assert(BtreeTraits<Bmbt>);

}  // namespace xfsx::inline v0
