#pragma once
// The reverse mappings of realtime blocks: a btree for each group, rooted in a metadata file, whose
// blocks are free space of the data device and have reverse mappings of their own there.

#include "ag/rmap_changes.h"
#include "inode/inode.h"
#include "inode/mapping_rmaps.h"

#include <optional>

namespace xfsx::inline v0 {

/// The tree of a group, for changes one by one.
class GroupRmaps final : public RmapSource {
 public:
  GroupRmaps(Volume& volume, u32 group) : volume_(volume), group_(group) {}

  Result<std::vector<Record>> touching(u64 from, u64 to) override;
  [[nodiscard]] Error disagrees(u64 block, std::string_view reason) const override;

 private:
  Volume& volume_;
  u32 group_;
  std::optional<Inode> file_;  // once it has been looked for
};

/// Changes the tree of a group in a private copy. Errors: as below.
Result<void> change_group_rmaps(Transaction& txn, Space& space, u32 group,
                                std::span<BtreeEdit<Rmapbt> const> edits);

/// Changes the trees of the groups that the changes touch, in private copies. Nothing without
/// rmapbt. What they need beyond their blocks is taken from `space`, which is finished afterwards.
/// Errors: refused ENOSPC; those of find_group_file and of reading; bad_value where a tree does not
/// hold what the files have.
Result<void> change_realtime_rmaps(Transaction& txn, Space& space,
                                   std::span<MappingChange const> changes);

}  // namespace xfsx::inline v0
