#pragma once
// The blocks of an AG's btrees that grow into free space, not into the free list.

#include "ag/space.h"
#include "ag/tree_store.h"

namespace xfsx::inline v0 {

class SpaceTreeBlocks final : public TreeBlocks {
 public:
  /// `owner`: one of disk::rmap_owner. `space` must live as long as this.
  SpaceTreeBlocks(Space& space, Geometry const& geometry, AgNumber ag, AgBlock near, u64 owner)
      : space_(space), geometry_(geometry), ag_(ag), near_(near), owner_{owner, false, false} {}

  Result<AgBlock> take(BlockKind const&) override {
    return space_.allocate_for_tree(ag_, near_, owner_);
  }
  Result<void> give(BlockKind const&, AgBlock block) override {
    return space_.release(geometry_.fsblock(ag_, block), owner_);
  }

 private:
  Space& space_;
  Geometry const& geometry_;
  AgNumber ag_;
  AgBlock near_;
  RunOwner owner_;
};

}  // namespace xfsx::inline v0
