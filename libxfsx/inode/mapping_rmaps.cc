#include "inode/mapping_rmaps.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using Record = Rmapbt::Record;

/// A block as the trees that are asked for number it.
class Places {
 public:
  Places(Geometry const& geometry, RmapPlace place) : geometry_(geometry), place_(place) {}

  [[nodiscard]] u32 tree_of(FsBlock block) const {
    return place_ == RmapPlace::ag ? geometry_.ag_of(block).raw()
                                   : geometry_.realtime().group_of(block);
  }
  [[nodiscard]] AgBlock block_in_tree(FsBlock block) const {
    if (place_ == RmapPlace::ag) return geometry_.agblock_of(block);
    return AgBlock(static_cast<u32>(geometry_.realtime().block_in_group(block)));
  }

 private:
  Geometry const& geometry_;
  RmapPlace place_;
};

/// Goes through the records that a list of mappings has, in file order.
class RecordWalk {
 public:
  RecordWalk(Places const& places, MappingChange const& change, std::span<Mapping const> mappings)
      : places_(places), change_(change), left_(mappings) {
    step();
  }

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] u32 tree() const { return tree_; }
  [[nodiscard]] Record const& record() const { return record_; }

  void step() {
    ended_ = left_.empty();
    if (ended_) return;
    Mapping run = left_.front();
    left_ = left_.subspan(1);
    while (!left_.empty() && follows(run, left_.front())) {
      run.length = run.length + left_.front().length;
      left_ = left_.subspan(1);
    }
    tree_ = places_.tree_of(run.start);
    record_ = {places_.block_in_tree(run.start),
               static_cast<u32>(run.length.raw()),
               change_.owner.raw(),
               run.offset.raw(),
               change_.kind == ForkKind::attr,
               false,
               run.unwritten};
  }

 private:
  bool follows(Mapping const& run, Mapping const& next) const {
    return run.end() == next.offset && run.start + run.length == next.start &&
           run.unwritten == next.unwritten &&
           places_.tree_of(run.start) == places_.tree_of(next.start);
  }

  Places const& places_;
  MappingChange const& change_;
  std::span<Mapping const> left_;
  bool ended_ = false;
  u32 tree_ = 0;
  Record record_;
};

void add_edits(Places const& places, MappingChange const& change, RmapEdits& edits) {
  RecordWalk before(places, change, change.before);
  RecordWalk after(places, change, change.after);
  while (!before.ended() || !after.ended()) {
    bool const both = !before.ended() && !after.ended();
    if (both && before.tree() == after.tree() && before.record() == after.record()) {
      before.step();
      after.step();
      continue;
    }
    bool const out =
        after.ended() || (!before.ended() && before.record().offset <= after.record().offset);
    RecordWalk& walk = out ? before : after;
    edits[walk.tree()].push_back({walk.record(), !out});
    walk.step();
  }
}

}  // namespace

RmapEdits rmap_edits(Geometry const& geometry, RmapPlace place,
                     std::span<MappingChange const> changes) {
  Places const places(geometry, place);
  RmapEdits edits;
  for (MappingChange const& change : changes) add_edits(places, change, edits);
  return edits;
}

Result<void> change_rmaps(Space& space, Geometry const& geometry,
                          std::span<MappingChange const> changes) {
  if (!geometry.has_ro(ro_compat::rmapbt)) return success();
  for (auto& [ag, list] : rmap_edits(geometry, RmapPlace::ag, changes)) {
    XFSX_TRYV(space.change_mappings(AgNumber(ag), std::move(list)));
  }
  return success();
}

}  // namespace xfsx::inline v0
