#pragma once
// The reverse mappings of a realtime group, for changes one by one.

#include "ag/rmap_changes.h"
#include "inode/inode.h"

#include <optional>

namespace xfsx::inline v0 {

/// The tree of a group, which must exist, in a filesystem with reverse mappings.
class RealtimeRmaps final : public RmapSource {
 public:
  RealtimeRmaps(Volume& volume, u32 group) : volume_(volume), group_(group) {}

  /// Errors: those of find_group_tree and of reading.
  Result<std::vector<Record>> touching(u64 from, u64 to) override;
  [[nodiscard]] Error disagrees(u64 block, std::string_view reason) const override;

 private:
  Volume& volume_;
  u32 group_;
  std::optional<Inode> file_;  // once it has been looked for
};

}  // namespace xfsx::inline v0
