#include "inode/mapping_rmaps.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using Record = Rmapbt::Record;
using Edit = BtreeEdit<Rmapbt>;
/// By AG.
using Edits = std::map<u32, std::vector<Edit>>;

/// Goes through the records that a list of mappings has, in file order.
class RecordWalk {
 public:
  RecordWalk(Geometry const& geometry, MappingChange const& change,
             std::span<Mapping const> mappings)
      : geometry_(geometry), change_(change), left_(mappings) {
    step();
  }

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] u32 ag() const { return ag_; }
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
    ag_ = geometry_.ag_of(run.start).raw();
    record_ = {geometry_.agblock_of(run.start),
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
           geometry_.ag_of(run.start) == geometry_.ag_of(next.start);
  }

  Geometry const& geometry_;
  MappingChange const& change_;
  std::span<Mapping const> left_;
  bool ended_ = false;
  u32 ag_ = 0;
  Record record_;
};

void add_edits(Geometry const& geometry, MappingChange const& change, Edits& edits) {
  RecordWalk before(geometry, change, change.before);
  RecordWalk after(geometry, change, change.after);
  while (!before.ended() || !after.ended()) {
    bool const both = !before.ended() && !after.ended();
    if (both && before.ag() == after.ag() && before.record() == after.record()) {
      before.step();
      after.step();
      continue;
    }
    bool const out =
        after.ended() || (!before.ended() && before.record().offset <= after.record().offset);
    RecordWalk& walk = out ? before : after;
    edits[walk.ag()].push_back({walk.record(), !out});
    walk.step();
  }
}

}  // namespace

Result<void> change_rmaps(Space& space, Geometry const& geometry,
                          std::span<MappingChange const> changes) {
  if (!geometry.has_ro(ro_compat::rmapbt)) return success();
  Edits edits;
  for (MappingChange const& change : changes) add_edits(geometry, change, edits);
  for (auto& [ag, list] : edits) {
    XFSX_TRYV(space.change_mappings(AgNumber(ag), std::move(list)));
  }
  return success();
}

}  // namespace xfsx::inline v0
