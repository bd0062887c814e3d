#pragma once
// CRC32c (Castagnoli), the checksum of every v5 structure: seed all ones, inverted at the end,
// stored little-endian. Computed by ISA-L, which uses the processor's instructions.

#include <xfsx/types.h>

namespace xfsx::inline v0 {

/// A running checksum; pieces that are fed one after another count as one run of bytes.
class Crc32c {
 public:
  Crc32c& feed(ConstBytes bytes);
  /// `count` zero bytes, as for a checksum field that counts as zero.
  Crc32c& feed_zeroes(std::size_t count);
  [[nodiscard]] u32 value() const { return ~state_; }

 private:
  u32 state_ = ~u32{0};
};

/// The checksum of `bytes` with the four bytes at `crc_offset` taken as zero.
u32 crc32c_without(ConstBytes bytes, std::size_t crc_offset);

/// True if the little-endian checksum at `crc_offset` is right.
bool crc32c_matches(ConstBytes bytes, std::size_t crc_offset);

/// Stores the checksum of `bytes` at `crc_offset`.
void crc32c_stamp(Bytes bytes, std::size_t crc_offset);

}  // namespace xfsx::inline v0
