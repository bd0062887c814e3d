#pragma once
// Shared blocks of the realtime section, by the reference counts of its groups.

#include "inode/inode.h"

#include <functional>
#include <map>

namespace xfsx::inline v0 {

/// Looks up shared blocks, and finds the tree of each group but once.
class RealtimeSharing {
 public:
  explicit RealtimeSharing(Volume& volume) : volume_(volume) {}

  /// Hands the parts of a realtime extent that more than one file has to `visit`, in order: blocks
  /// from its start, and how many. Nothing without reflink. Errors: those of find_group_file and
  /// of reading the tree.
  Result<void> for_each(FsBlock start, BlockCount length,
                        std::function<void(u64 first, u64 count)> const& visit);

 private:
  Volume& volume_;
  std::map<u32, Inode> trees_;  // by group
};

}  // namespace xfsx::inline v0
