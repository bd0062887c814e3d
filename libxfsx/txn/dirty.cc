#include "txn/dirty.h"

#include "base/assert.h"
#include "disk/inode.h"

namespace xfsx::inline v0 {

namespace {

bool in_field(std::size_t byte, u16 field, std::size_t size) {
  return field != BlockKind::none && byte >= field && byte < field + size;
}

bool counts(BlockKind const& kind, std::size_t byte) {
  return !in_field(byte, kind.lsn, sizeof(be<Lsn>)) && !in_field(byte, kind.crc, sizeof(le32));
}

}  // namespace

ChunkMap dirty_chunks(BlockKind const& kind, ConstBytes original, ConstBytes copy) {
  XFSX_ASSERT(original.size() == copy.size());
  ChunkMap dirty;
  for (std::size_t first = 0; first < copy.size(); first += log_chunk_size) {
    if (std::memcmp(original.data() + first, copy.data() + first, log_chunk_size) == 0) continue;
    for (std::size_t i = first; i < first + log_chunk_size; ++i) {
      if (original[i] == copy[i] || !counts(kind, i)) continue;
      dirty.set(static_cast<u32>(first / log_chunk_size));
      break;
    }
  }
  return dirty;
}

bool inode_differs(ConstBytes original, ConstBytes copy) {
  XFSX_ASSERT(original.size() == copy.size());
  for (std::size_t i = 0; i < copy.size(); ++i) {
    bool const ignored = in_field(i, offsetof(disk::Dinode, crc), sizeof(le32)) ||
                         in_field(i, offsetof(disk::Dinode, lsn), sizeof(be<Lsn>));
    if (!ignored && original[i] != copy[i]) return true;
  }
  return false;
}

}  // namespace xfsx::inline v0
