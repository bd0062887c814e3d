#pragma once
// What a block of a btree holds, taken out of it: records of a leaf, or keys and pointers of a
// node. It may be more than fits a block, or less than a block must have, until it is put back.

#include "btree/node.h"

#include <algorithm>
#include <vector>

namespace xfsx::inline v0 {

template <BtreeTraits T>
struct BtreeContents {
  using Record = typename T::Record;
  using Key = typename T::Key;
  using DiskKey = typename T::DiskKey;
  using Pointer = typename T::Pointer;
  struct Entry {
    DiskKey key;
    Pointer pointer;
  };

  u32 level = 0;
  std::vector<Record> records;  ///< level 0
  std::vector<Entry> entries;   ///< above

  static BtreeContents of(BtreeNode<T> const& node) {
    BtreeContents out;
    out.level = node.level();
    for (u32 i = 0; i < node.count(); ++i) {
      if (out.level == 0) {
        out.records.push_back(node.record(i));
      } else {
        out.entries.push_back({node.disk_key(i), node.pointer(i)});
      }
    }
    return out;
  }

  [[nodiscard]] std::size_t size() const { return level == 0 ? records.size() : entries.size(); }

  /// The key that a node has for a block with this in it, which is not empty.
  [[nodiscard]] DiskKey key() const {
    DiskKey key = level == 0 ? T::disk_key(records.front()) : entries.front().key;
    if constexpr (OverlappingBtree<T>) {
      Key high = T::decode_high_key(key);
      for (Record const& r : records) high = std::max(high, T::high_key_of(r));
      for (Entry const& e : entries) high = std::max(high, T::decode_high_key(e.key));
      T::set_high_key(key, high);
    }
    return key;
  }

  void append(BtreeContents&& next) {
    records.insert(records.end(), next.records.begin(), next.records.end());
    entries.insert(entries.end(), next.entries.begin(), next.entries.end());
  }

  /// Part `index` of `count` parts that are as long as each other, but for one.
  [[nodiscard]] BtreeContents part(std::size_t index, std::size_t count) const {
    std::size_t const first = size() * index / count;
    std::size_t const last = size() * (index + 1) / count;
    auto const at = [](auto const& all, std::size_t i) {
      return all.begin() + static_cast<std::ptrdiff_t>(i);
    };
    BtreeContents out;
    out.level = level;
    if (level == 0) {
      out.records.assign(at(records, first), at(records, last));
    } else {
      out.entries.assign(at(entries, first), at(entries, last));
    }
    return out;
  }

  /// Lays itself out in `bytes`, in which the entries begin at `first` and the pointers at
  /// `pointers`. What lies behind the last entry stays.
  void write(Bytes bytes, u32 first, u32 pointers) const {
    for (u32 i = 0; i < records.size(); ++i) {
      edit_as<typename T::DiskRecord>(bytes, first + i * T::shape.record) = T::encode(records[i]);
    }
    for (u32 i = 0; i < entries.size(); ++i) {
      edit_as<DiskKey>(bytes, first + i * T::shape.key) = entries[i].key;
      edit_as<be<Pointer>>(bytes, pointers + i * T::shape.pointer) = entries[i].pointer;
    }
  }
};

}  // namespace xfsx::inline v0
