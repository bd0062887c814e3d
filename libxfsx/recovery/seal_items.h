#pragma once
// What recovery logs.

#include "log/log_writer.h"
#include "recovery/intent.h"
#include "recovery/replayed_blocks.h"

namespace xfsx::inline v0 {

/// Which of the changes of blocks are meant.
enum class Changes : u8 {
  all,           ///< against the device
  not_clusters,  ///< the same, but of inode clusters that were replayed those that finish
  finished,      ///< against what the log replays
};

/// The changed chunks of all blocks, as images. Blocks whose kind Linux could not tell from their
/// contents are logged as of no kind. Must not outlive `blocks`, which stay as they are.
std::unique_ptr<ItemSource> make_block_items(ReplayedBlocks const& blocks, Geometry const& geometry,
                                             Changes changes);

/// The sector of the superblock as the log replays it, whatever finishing made of it. Errors: io.
Result<std::vector<std::byte>> replayed_superblock(ReplayedBlocks const& blocks,
                                                   Geometry const& geometry);

/// The open intents as they were logged, with the beginning of the superblock as the log replays
/// it, so that there is something to log where there are none.
std::unique_ptr<ItemSource> make_reminder(std::vector<std::byte> superblock,
                                          std::span<Intent const> intents);

}  // namespace xfsx::inline v0
