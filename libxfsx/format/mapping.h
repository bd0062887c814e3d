#pragma once
// A mapping of a fork, out of and into the 128 bits in which it lies on disk.

#include "base/endian.h"
#include "disk/btree.h"

namespace xfsx::inline v0 {

/// `length` blocks of a file from `offset` on lie on disk from `start` on. On the realtime device
/// `start` is a block of that device.
struct Mapping {
  FileBlock offset;
  FsBlock start;
  BlockCount length;
  bool unwritten = false;  ///< allocated, reads as zeros

  [[nodiscard]] FileBlock end() const { return offset + length; }
  friend bool operator==(Mapping const&, Mapping const&) = default;
};

/// Widths of the packed record.
inline constexpr u32 mapping_offset_bits = 54;
inline constexpr u32 mapping_start_bits = 52;
inline constexpr u32 mapping_length_bits = 21;
inline constexpr u64 mapping_length_max = (u64{1} << mapping_length_bits) - 1;

constexpr Mapping unpack_mapping(u64 l0, u64 l1) {
  Mapping m;
  m.unwritten = (l0 >> 63) != 0;
  m.offset = FileBlock((l0 & ~(u64{1} << 63)) >> 9);
  m.start = FsBlock(((l0 & 0x1ff) << 43) | (l1 >> mapping_length_bits));
  m.length = BlockCount(l1 & mapping_length_max);
  return m;
}

inline Mapping decode_mapping(disk::BmbtRecord const& record) {
  return unpack_mapping(record.l0.value(), record.l1.value());
}

/// The packed record. The parts must fit their widths.
inline disk::BmbtRecord encode_mapping(Mapping const& m) {
  disk::BmbtRecord record;
  record.l0 = (m.unwritten ? u64{1} << 63 : u64{0}) | (m.offset.raw() << 9) | (m.start.raw() >> 43);
  record.l1 = (m.start.raw() << mapping_length_bits) | m.length.raw();
  return record;
}

}  // namespace xfsx::inline v0
