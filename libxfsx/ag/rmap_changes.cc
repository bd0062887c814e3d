#include "ag/rmap_changes.h"

#include "ag/tree_root.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using Record = Rmapbt::Record;

/// Offsets of a file's blocks go on with them.
bool has_offsets(Record const& r) {
  return r.of_inode() && !r.bmbt_block;
}

u64 position_of(Record const& r) {
  return has_offsets(r) ? r.offset : r.start.raw();
}

bool same_owner(Record const& a, Record const& b) {
  return a.owner == b.owner && a.attr_fork == b.attr_fork && a.bmbt_block == b.bmbt_block;
}

/// Whether `b` goes on where `a` ends, so that both are one record.
bool joins(Record const& a, Record const& b) {
  return same_owner(a, b) && a.unwritten == b.unwritten && Rmapbt::end(a) == b.start.raw() &&
         position_of(a) + a.length == position_of(b) && u64{a.length} + b.length < ~u32{0};
}

/// `length` blocks of `r`, from the one `skipped` blocks behind its start.
Record part_of(Record const& r, u64 skipped, u64 length) {
  Record part = r;
  part.start = r.start + BlockCount(skipped);
  part.length = static_cast<u32>(length);
  if (has_offsets(r)) part.offset += skipped;
  return part;
}

}  // namespace

Result<std::vector<Record>> AgRmaps::touching(u64 from, u64 to) {
  XFSX_TRY(AgTreeRoot const root, find_tree_root(volume_, ag_, AgTree::rmapbt));
  std::vector<Record> out;
  XFSX_TRYV(BtreeReader<Rmapbt>(volume_, root).visit_range(from, to, [&](Record const& r) {
    out.push_back(r);
    return true;
  }));
  return out;
}

Error AgRmaps::disagrees(u64 block, std::string_view reason) const {
  Geometry const& g = volume_.geometry();
  AgBlock const at(static_cast<u32>(block));
  Error e = btree_error(rmapbt_kind, g.locate(g.daddr(ag_, at)), "owner", 0, 0, Relation::none);
  e.reason = reason;
  return e;
}

RmapChanges::Place RmapChanges::place_of(Record const& r) {
  return {r.owner, r.attr_fork, r.bmbt_block, position_of(r), r.start};
}

/// Takes the records of the blocks, and of those beside them, out of the tree, once each.
Result<void> RmapChanges::look_around(u64 start, u64 length) {
  u64 const from = start == 0 ? 0 : start - 1;
  XFSX_TRY(std::vector<Record> const around, source_.touching(from, start + length));
  for (Record const& r : around) {
    if (before_.try_emplace(Rmapbt::key_of(r), r).second) keep(r);
  }
  return success();
}

Result<void> RmapChanges::map(Record const& run) {
  XFSX_TRYV(look_around(run.start.raw(), run.length));
  Record whole = run;
  auto const after = now_.lower_bound(place_of(run));
  std::optional<Record> left, right;
  if (after != now_.begin() && same_owner(std::prev(after)->second, run)) {
    left = std::prev(after)->second;
  }
  if (after != now_.end() && same_owner(after->second, run)) right = after->second;
  u64 const position = position_of(run);
  bool const taken = (left && position_of(*left) + left->length > position) ||
                     (right && position_of(*right) < position + run.length);
  if (taken) return source_.disagrees(run.start.raw(), "the owner has these blocks already");
  if (left && joins(*left, whole)) {
    forget(*left);
    whole = part_of(*left, 0, u64{left->length} + whole.length);
  }
  if (right && joins(whole, *right)) {
    forget(*right);
    whole.length += right->length;
  }
  keep(whole);
  return success();
}

Result<void> RmapChanges::unmap(Record const& run) {
  XFSX_TRYV(look_around(run.start.raw(), run.length));
  auto const behind = now_.upper_bound(place_of(run));
  std::optional<Record> found;
  if (behind != now_.begin()) found = std::prev(behind)->second;
  bool const covered =
      found && same_owner(*found, run) && found->unwritten == run.unwritten &&
      found->start <= run.start && Rmapbt::end(*found) >= Rmapbt::end(run) &&
      position_of(run) - position_of(*found) == u64{run.start.raw()} - found->start.raw();
  if (!covered) return source_.disagrees(run.start.raw(), "the owner does not have these blocks");
  u64 const skipped = u64{run.start.raw()} - found->start.raw();
  u64 const rest = Rmapbt::end(*found) - Rmapbt::end(run);
  forget(*found);
  if (skipped != 0) keep(part_of(*found, 0, skipped));
  if (rest != 0) keep(part_of(*found, skipped + run.length, rest));
  return success();
}

Result<void> RmapChanges::convert(Record const& run) {
  Record was = run;
  was.unwritten = !run.unwritten;
  XFSX_TRYV(unmap(was));
  return map(run);
}

Result<std::vector<Record>> RmapChanges::overlapping(u64 start, u64 length) {
  XFSX_TRYV(look_around(start, length));
  std::vector<Record> out;
  for (auto const& [place, r] : now_) {
    if (r.start.raw() < start + length && Rmapbt::end(r) > start) out.push_back(r);
  }
  return out;
}

std::vector<BtreeEdit<Rmapbt>> RmapChanges::edits() const {
  std::vector<BtreeEdit<Rmapbt>> edits;
  for (auto const& [key, r] : before_) {
    auto const same = now_.find(place_of(r));
    if (same == now_.end() || same->second != r) edits.push_back({r, false});
  }
  for (auto const& [place, r] : now_) {
    auto const same = before_.find(Rmapbt::key_of(r));
    if (same == before_.end() || same->second != r) edits.push_back({r, true});
  }
  sort_edits(edits);
  return edits;
}

}  // namespace xfsx::inline v0
