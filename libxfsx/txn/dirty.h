#pragma once
// What of a private copy differs from its original, in the units that the log knows.

#include "format/block_kind.h"

#include <vector>

namespace xfsx::inline v0 {

inline constexpr u32 log_chunk_size = 128;

/// One bit for each 128-byte chunk of a block, least significant bit first, 32 to a word: set where
/// the copy differs. The LSN and the checksum do not count: recovery writes its own.
std::vector<u32> dirty_chunks(BlockKind const& kind, ConstBytes original, ConstBytes copy);

/// All chunks of a block of `size` bytes.
std::vector<u32> all_chunks(std::size_t size);

/// True if no bit is set.
bool is_clean(std::span<u32 const> chunks);

/// True if an inode's copy differs in more than its LSN and checksum.
bool inode_differs(ConstBytes original, ConstBytes copy);

}  // namespace xfsx::inline v0
