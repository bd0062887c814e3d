#pragma once
// An exchange of two files of an image, recorded from the first write to the last: what crash
// states are made of.

#include "testing/memory_device.h"
#include "testing/recording_device.h"
#include "txn/commit.h"

#include <string>
#include <vector>

namespace xfsx::test {

/// What is exchanged where, and the mistakes that are made on the way.
struct Scenario {
  std::string image;  ///< path of a gzip file
  std::string file1, file2;
  CommitTestAids aids;
  bool lsn_at_head = false;  ///< before: give file1's btree blocks the LSN of the log's head
  std::optional<ExchangeRange> range = {};  ///< empty: whole files
  bool written_only = false;
  std::optional<ForkKind> fork = {};  ///< one that holds metadata; empty: contents of files
};

/// The disk before the exchange, with the sectors that the filesystem was made for. Throws
/// Exception.
std::unique_ptr<MemoryDevice> disk_before(Scenario const& scenario);

/// Opens the filesystem of a device and exchanges the two files.
Result<ExchangeReport> exchange_files(BlockDevice& device, Scenario const& scenario,
                                      std::function<void(CommitStage)> const& on_stage = {});

struct Operation {
  std::unique_ptr<MemoryDevice> before, after;
  Recording recording;  ///< marks: "log write", "durable", "home", "clean"
  ExchangeReport report;
};

/// Does it and records it; the same each time. Throws Exception.
Operation record_exchange(Scenario const& scenario);

/// Tells recordings apart: the states of equal ones are equal.
u32 fingerprint(Recording const& recording);

/// True for a run of empty log records, which clears stale log blocks.
bool is_empty_records(ConstBytes bytes);

}  // namespace xfsx::test
