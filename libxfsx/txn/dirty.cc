#include "txn/dirty.h"

#include "base/assert.h"
#include "disk/inode.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

constexpr std::size_t bits_per_word = 32;

bool in_field(std::size_t byte, u16 field, std::size_t size) {
  return field != BlockKind::none && byte >= field && byte < field + size;
}

bool counts(BlockKind const& kind, std::size_t byte) {
  return !in_field(byte, kind.lsn, sizeof(be<Lsn>)) && !in_field(byte, kind.crc, sizeof(le32));
}

}  // namespace

std::vector<u32> dirty_chunks(BlockKind const& kind, ConstBytes original, ConstBytes copy) {
  XFSX_ASSERT(original.size() == copy.size());
  std::size_t const chunks = copy.size() / log_chunk_size;
  std::vector<u32> bitmap((chunks + bits_per_word - 1) / bits_per_word);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    std::size_t const first = chunk * log_chunk_size;
    if (std::memcmp(original.data() + first, copy.data() + first, log_chunk_size) == 0) continue;
    for (std::size_t i = first; i < first + log_chunk_size; ++i) {
      if (original[i] == copy[i] || !counts(kind, i)) continue;
      bitmap[chunk / bits_per_word] |= 1U << (chunk % bits_per_word);
      break;
    }
  }
  return bitmap;
}

std::vector<u32> all_chunks(std::size_t size) {
  std::size_t const chunks = size / log_chunk_size;
  std::vector<u32> bitmap((chunks + bits_per_word - 1) / bits_per_word);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    bitmap[chunk / bits_per_word] |= 1U << (chunk % bits_per_word);
  }
  return bitmap;
}

bool is_clean(std::span<u32 const> chunks) {
  return std::ranges::all_of(chunks, [](u32 word) { return word == 0; });
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
