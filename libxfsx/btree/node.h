#pragma once
// One block of a btree, or the root of one inside an inode fork, as records, keys and pointers.

#include "base/view.h"
#include "btree/traits.h"

namespace xfsx::inline v0 {

template <BtreeTraits T>
class BtreeNode {
 public:
  using Key = typename T::Key;
  using Pointer = typename T::Pointer;

  /// A block that passed its verifier.
  static BtreeNode of_block(ConstBytes bytes, FormatVersion const& version) {
    auto const& head = view_as<typename T::Block>(bytes);
    BtreeShape const shape = T::shape.on(version);
    return {bytes, head.level.value(), head.numrecs.value(), shape.header,
            shape.pointers_at(bytes.size())};
  }
  /// The root in a fork of `fork.size()` bytes; the caller has checked level and count.
  static BtreeNode of_fork(ConstBytes fork) {
    auto const& head = view_as<disk::BmdrBlock>(fork);
    u32 const room = fork_root_max(fork.size());
    return {fork, head.level.value(), head.numrecs.value(), sizeof(disk::BmdrBlock),
            static_cast<u32>(sizeof(disk::BmdrBlock)) + room * T::shape.key};
  }
  /// Keys and pointers that fit the root in a fork of `bytes`.
  static constexpr u32 fork_root_max(std::size_t bytes) {
    if (bytes < sizeof(disk::BmdrBlock)) return 0;
    return T::shape.root_max(bytes - sizeof(disk::BmdrBlock));
  }

  [[nodiscard]] u32 level() const { return level_; }
  [[nodiscard]] u32 count() const { return count_; }

  [[nodiscard]] typename T::Record record(u32 i) const {
    return T::decode(view_as<typename T::DiskRecord>(bytes_, first_ + i * T::shape.record));
  }
  /// Key of entry `i`, in leaves the record's.
  [[nodiscard]] Key key(u32 i) const {
    if (level_ == 0) return T::key_of(record(i));
    return T::decode_key(view_as<typename T::DiskKey>(bytes_, first_ + i * T::shape.key));
  }
  /// How far the records of entry `i` reach, itself included.
  [[nodiscard]] Key high_key(u32 i) const
    requires OverlappingBtree<T>
  {
    if (level_ == 0) return T::high_key_of(record(i));
    return T::decode_high_key(view_as<typename T::DiskKey>(bytes_, first_ + i * T::shape.key));
  }
  /// The key of entry `i` of a node as it lies there.
  [[nodiscard]] typename T::DiskKey const& disk_key(u32 i) const {
    return view_as<typename T::DiskKey>(bytes_, first_ + i * T::shape.key);
  }
  [[nodiscard]] Pointer pointer(u32 i) const {
    return view_as<be<Pointer>>(bytes_, pointers_ + i * T::shape.pointer).value();
  }
  /// Entries whose key is at most `key`.
  [[nodiscard]] u32 upper_bound(Key const& wanted) const {
    u32 low = 0, high = count_;
    while (low < high) {
      u32 const middle = low + (high - low) / 2;
      if (key(middle) <= wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

 private:
  BtreeNode(ConstBytes bytes, u32 level, u32 count, u32 first, u32 pointers)
      : bytes_(bytes), level_(level), count_(count), first_(first), pointers_(pointers) {}

  ConstBytes bytes_;
  u32 level_, count_, first_, pointers_;
};

}  // namespace xfsx::inline v0
