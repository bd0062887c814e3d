#include "exchange/walk.h"

#include "exchange/block_counts.h"
#include "inode/bmap.h"
#include "inode/fork_editor.h"
#include "inode/mapping_rmaps.h"
#include "rt/reserve.h"
#include "rt/rmaps.h"

namespace xfsx::inline v0 {

namespace {

/// A file, its mappings now and afterwards.
struct Side {
  EditedFile const& file;
  u8 operand;
  std::vector<Mapping> before, after;

  [[nodiscard]] bool changes() const { return before != after; }
};

Result<std::vector<Mapping>> mappings_of(Volume& volume, EditedFile const& file, u8 operand) {
  disk::ForkFormat const format = fork_format(file.inode, ForkKind::data);
  if (format != disk::ForkFormat::extents && format != disk::ForkFormat::btree) {
    return with_operand(
        refuse(EOPNOTSUPP, "the data fork is neither in extents nor in btree format"), operand);
  }
  XFSX_TRY(std::vector<Mapping> mappings, collect_mappings(volume, file.inode, ForkKind::data));
  return mappings;
}

s64 gained_by(Side const& side) {
  return static_cast<s64>(mapped_blocks(side.after).raw() - mapped_blocks(side.before).raw());
}

Result<void> change_side(Transaction& txn, Space& space, Side const& side) {
  if (!side.changes()) return success();
  XFSX_TRYV(move_blocks(side.file, mapped_blocks(side.before).raw(),
                        mapped_blocks(side.after).raw(), side.operand));
  ForkPlace const place{side.file.inode.number, side.file.copy};
  Result<void> const done = change_fork(txn, space, place, side.before, side.after);
  return done ? done : Result<void>(with_operand(done.error(), side.operand));
}

/// Carries out what the lists say.
Result<void> change_sides(Transaction& txn, std::span<Side const> sides) {
  Volume& volume = txn.volume();
  Geometry const& g = volume.geometry();
  Space space(txn);
  space.keep_back(realtime_tree_room(g), [&] { return realtime_tree_room_left(volume); });
  std::vector<MappingChange> changes;
  for (Side const& side : sides) {
    XFSX_TRYV(change_side(txn, space, side));
    changes.push_back({side.file.inode.number, ForkKind::data, side.before, side.after});
  }
  XFSX_TRYV(sides.front().file.inode.is_realtime() ? change_realtime_rmaps(txn, space, changes)
                                                   : change_rmaps(space, g, changes));
  return space.finish();
}

std::vector<BlockRange> parts_of(BlockRange const& range, std::span<Mapping const> first,
                                 WalkRules const& rules) {
  if (!rules.written_only) return {range};
  return written_ranges(first, range, rules.unit);
}

}  // namespace

Result<s64> walk_mappings(Transaction& txn, EditedFile const& first, EditedFile const& second,
                          BlockRange const& range, WalkRules const& rules) {
  Volume& volume = txn.volume();
  XFSX_TRY(std::vector<Mapping> old1, mappings_of(volume, first, 1));
  std::vector<BlockRange> const parts = parts_of(range, old1, rules);
  if (first.inode.number == second.inode.number) {
    std::vector<Mapping> now = exchange_within(old1, parts);
    Side const side{first, 1, std::move(old1), std::move(now)};
    XFSX_TRYV(change_sides(txn, {&side, 1}));
    return s64{0};
  }
  XFSX_TRY(std::vector<Mapping> old2, mappings_of(volume, second, 2));
  MappingPair now = exchange_mappings(old1, old2, parts);
  Side const sides[] = {{first, 1, std::move(old1), std::move(now.first)},
                        {second, 2, std::move(old2), std::move(now.second)}};
  XFSX_TRYV(change_sides(txn, sides));
  return gained_by(sides[0]);
}

}  // namespace xfsx::inline v0
