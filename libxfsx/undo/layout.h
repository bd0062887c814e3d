#pragma once
// The bytes of an undo file: a header, a table of ranges and one of writes, the checksums of what
// is written, the bytes that are saved, a checksum of it all. Numbers are big-endian as XFS's are,
// checksums little-endian, as XFS's are too.

#include "base/endian.h"

#include <array>

namespace xfsx::inline v0::undo_layout {

inline constexpr std::array<char, 8> magic = {'X', 'F', 'S', 'X', 'U', 'N', 'D', 'O'};
inline constexpr u32 version = 1;

struct LogState {
  be64 head;  ///< cycle in the high half, log block in the low half
  be64 tail;
  u8 known;
  u8 clean;
  std::array<u8, 6> pad;
};

struct Header {
  std::array<char, 8> magic;
  be32 version;
  be32 sector;  ///< bytes that a checksum covers
  be64 size;    ///< of the file, bytes
  Uuid uuid;
  std::array<be64, 3> device_sizes;  ///< bytes: data, log, realtime
  le32 superblock_before;
  le32 superblock_after;
  LogState log_before;
  LogState log_after;
  be32 range_count;
  be32 write_count;
  be32 pad;
  le32 crc;  ///< of the header, with this field as zero
};
static_assert(sizeof(LogState) == 24);
static_assert(sizeof(Header) == 136);

struct Run {
  be64 offset;  ///< bytes, on its device
  be64 length;  ///< bytes
  u8 role;      ///< 0 data, 1 log, 2 realtime
  std::array<u8, 7> pad;
};
static_assert(sizeof(Run) == 24);

struct Checksum {
  le32 crc;
};
static_assert(sizeof(Checksum) == 4);

}  // namespace xfsx::inline v0::undo_layout
