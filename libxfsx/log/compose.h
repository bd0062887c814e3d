#pragma once
// Chosen transactions for a log: for tests, and for people who look for faults in those who replay
// logs. What is written need not make sense.

#include "log/find_head.h"
#include "log/log_writer.h"

namespace xfsx::inline v0 {

struct ComposeOptions {
  u32 record_size = 0;  ///< bytes; 0: as for any checkpoint of that size
  u32 tid = 0x78667378;
};

/// Writes a checkpoint of `items` behind a clean log and leaves the log dirty, so that the next
/// mount replays it. Errors: those of find_log_head() and LogWriter.
Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            ItemSource& items, ComposeOptions const& options);
Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            std::span<LogItem const> items,
                                            ComposeOptions const& options);

}  // namespace xfsx::inline v0
