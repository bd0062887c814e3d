#include "ag/space_of_ag.h"

#include "base/checked.h"
#include "format/verify_ag.h"

#include <algorithm>
#include <utility>

namespace xfsx::inline v0 {

namespace {

constexpr u32 agfl_sector = 3;
constexpr RunOwner own{};  // of the AG itself

Cntbt::Record by_length(Bnobt::Record const& run) {
  return {run.start, run.length};
}

}  // namespace

SpaceOfAg::SpaceOfAg(Transaction& txn, AgNumber ag, BufferRef agf, BufferRef agfl)
    : txn_(txn),
      ag_(ag),
      agf_(std::move(agf)),
      agfl_(std::move(agfl)),
      by_start_store_(txn, ag, agf_, *this),
      by_length_store_(txn, ag, agf_, *this),
      rmap_store_(txn, ag, agf_, *this),
      by_start_(by_start_store_),
      by_length_(by_length_store_),
      rmaps_(rmap_store_) {}

Result<std::unique_ptr<SpaceOfAg>> SpaceOfAg::open(Transaction& txn, AgNumber ag) {
  Volume& volume = txn.volume();
  Geometry const& g = volume.geometry();
  XFSX_TRY(BufferRef agf, load_agf(volume, ag));
  SectorCount const sector(g.sector_size() / basic_block_size);
  XFSX_TRY(BufferRef agfl, volume.cache().load(agfl_kind, g.ag_header(ag, agfl_sector), sector));
  disk::Agf const& header = view_as<disk::Agf>(agf->bytes());
  u32 const slots = agfl_slots(g);
  u32 const used = header.flcount.value();
  u32 const reach = (header.fllast.value() + slots - header.flfirst.value()) % slots + 1;
  // Empty and full look alike.
  if (used != reach && !(used == 0 && reach == slots)) {
    Error e = located(Errc::bad_value, "agf", g.locate(agf->daddr));
    e.field = "flcount";
    e.relation = Relation::equal;
    e.found.number = used;
    e.expected.number = reach;
    return e;
  }
  return std::unique_ptr<SpaceOfAg>(new SpaceOfAg(txn, ag, std::move(agf), std::move(agfl)));
}

disk::Agf const& SpaceOfAg::agf() const {
  auto const edited = txn_.blocks().find(agf_->daddr.raw());
  return view_as<disk::Agf>(edited == txn_.blocks().end() ? agf_->bytes()
                                                          : edited->second.copy->bytes());
}

Result<disk::Agf*> SpaceOfAg::edit_agf() {
  XFSX_TRY(Bytes const copy, txn_.edit(agf_));
  return &edit_as<disk::Agf>(copy);
}

bool SpaceOfAg::has_rmaps() const {
  return txn_.volume().geometry().has_ro(ro_compat::rmapbt);
}

// The trees' blocks

Result<void> SpaceOfAg::count_tree_block(BlockKind const& kind, int change) {
  XFSX_TRY(disk::Agf* const header, edit_agf());
  u32 const by = static_cast<u32>(change);
  header->btreeblks = header->btreeblks.value() + by;
  if (&kind == &rmapbt_kind) header->rmapblocks = header->rmapblocks.value() + by;
  return success();
}

Result<AgBlock> SpaceOfAg::take(BlockKind const& kind) {
  XFSX_TRYV(count_tree_block(kind, 1));
  if (!spill_.empty()) {
    AgBlock const block = spill_.back();
    spill_.pop_back();
    return block;
  }
  // The trees of free space are in the middle of a change when they ask; they find what was put by
  // before.
  if (&kind == &rmapbt_kind) {
    XFSX_TRYV(refill());
  }
  return pop();
}

Result<void> SpaceOfAg::give(BlockKind const& kind, AgBlock block) {
  XFSX_TRYV(count_tree_block(kind, -1));
  if (agf().flcount.value() < agfl_slots(txn_.volume().geometry())) return push(block);
  spill_.push_back(block);
  return success();
}

// The free list

u32 SpaceOfAg::need() const {
  disk::Agf const& header = agf();
  return free_list_need(txn_.volume().geometry(), {header.bnolevel.value(), header.cntlevel.value(),
                                                   has_rmaps() ? header.rmaplevel.value() : 1});
}

Result<AgBlock> SpaceOfAg::pop() {
  Geometry const& g = txn_.volume().geometry();
  if (agf().flcount.value() == 0) {
    return refuse(ENOSPC, "an AG has no free block left for its own btrees");
  }
  XFSX_TRY(disk::Agf* const header, edit_agf());
  XFSX_TRY(BufferRef const list, txn_.read(agfl_kind, agfl_->daddr, agfl_->length));
  u32 const slots = agfl_slots(g);
  u32 const first = header->flfirst.value();
  AgBlock const block =
      view_array<be<AgBlock>>(list->bytes(), g.version().agfl, slots)[first].value();
  if (!g.valid(ag_, block)) {
    Error e = located(Errc::bad_value, "agfl", g.locate(agfl_->daddr));
    e.field = "bno";
    e.relation = Relation::below;
    e.found.number = block.raw();
    e.expected.number = g.blocks_of(ag_);
    return e;
  }
  header->flfirst = (first + 1) % slots;
  header->flcount = header->flcount.value() - 1;
  return block;
}

Result<void> SpaceOfAg::push(AgBlock block) {
  Geometry const& g = txn_.volume().geometry();
  XFSX_TRY(disk::Agf* const header, edit_agf());
  XFSX_TRY(Bytes const list, txn_.edit(agfl_));
  u32 const slots = agfl_slots(g);
  u32 const last = (header->fllast.value() + 1) % slots;
  edit_array<be<AgBlock>>(list, g.version().agfl, slots)[last] = block;
  header->fllast = last;
  header->flcount = header->flcount.value() + 1;
  return success();
}

Error SpaceOfAg::twice_on_list(AgBlock block) const {
  Error e = located(Errc::bad_value, "agfl", txn_.volume().geometry().locate(agfl_->daddr));
  e.field = "bno";
  e.relation = Relation::none;
  e.found.number = block.raw();
  e.reason = "the block is on the list twice";
  return e;
}

/// Fills the list from free space, as far as there is any.
Result<void> SpaceOfAg::refill() {
  XFSX_TRYV(put_away_spill());
  while (agf().flcount.value() < need()) {
    XFSX_TRY(std::optional<Run> const run, largest_up_to(need() - agf().flcount.value()));
    if (!run) return success();
    for (u32 i = 0; i < run->length; ++i) {
      XFSX_TRYV(push(AgBlock(run->start.raw() + i)));
    }
    gained(own, *run);
  }
  return success();
}

/// What the full list had no room for goes to it now, or to free space.
Result<void> SpaceOfAg::put_away_spill() {
  while (!spill_.empty()) {
    AgBlock const block = spill_.back();
    spill_.pop_back();
    if (agf().flcount.value() < need()) {
      XFSX_TRYV(push(block));
      continue;
    }
    lost(own, {block, 1});
    XFSX_TRYV(free_run({block, 1}));
  }
  return success();
}

/// What the list holds beyond its need goes to free space.
Result<void> SpaceOfAg::shorten() {
  while (agf().flcount.value() > need()) {
    RunSet surplus;
    while (agf().flcount.value() > need()) {
      XFSX_TRY(AgBlock const block, pop());
      if (surplus.has(block.raw())) return twice_on_list(block);
      surplus.add({block, 1});
    }
    for (Run const& run : surplus.runs()) {
      lost(own, run);
      XFSX_TRYV(free_run(run));
    }
  }
  return success();
}

// Free space

/// Takes runs out of both trees and puts others in.
Result<void> SpaceOfAg::replace_free(std::vector<Run> const& out, std::vector<Run> const& in) {
  touched_ = true;
  std::vector<BtreeEdit<Bnobt>> starts;
  std::vector<BtreeEdit<Cntbt>> lengths;
  u32 free = agf().freeblks.value();
  for (Run const& run : out) {
    starts.push_back({run, false});
    lengths.push_back({by_length(run), false});
    free -= run.length;
  }
  for (Run const& run : in) {
    starts.push_back({run, true});
    lengths.push_back({by_length(run), true});
    free += run.length;
  }
  sort_edits(starts);
  sort_edits(lengths);
  XFSX_TRYV(by_start_.apply(starts));
  XFSX_TRYV(by_length_.apply(lengths));
  XFSX_TRY(std::optional<Cntbt::Record> const longest, by_length_.last());
  XFSX_TRY(disk::Agf* const header, edit_agf());
  header->freeblks = free;
  header->longest = longest ? longest->length : 0;
  return success();
}

Result<void> SpaceOfAg::free_run(Run const& run) {
  Geometry const& g = txn_.volume().geometry();
  std::vector<Run> out;
  Run whole = run;
  XFSX_TRY(std::optional<Run> const before, by_start_.lookup_le(run.start));
  XFSX_TRY(std::optional<Run> const after, by_start_.lookup_ge(run.start));
  u64 const end = Bnobt::end(run);
  bool const taken =
      (before && Bnobt::end(*before) > run.start.raw()) || (after && after->start.raw() < end);
  if (taken) {
    return btree_error(bnobt_kind, g.locate(g.daddr(ag_, run.start)), "startblock", run.start.raw(),
                       run.start.raw(), Relation::not_equal);
  }
  if (before && Bnobt::end(*before) == run.start.raw()) {
    out.push_back(*before);
    whole.start = before->start;
    whole.length += before->length;
  }
  if (after && after->start.raw() == end) {
    out.push_back(*after);
    whole.length += after->length;
  }
  return replace_free(out, {whole});
}

/// Takes `blocks` blocks in one run, the shortest that has them, or as many as the longest has.
Result<std::optional<SpaceOfAg::Run>> SpaceOfAg::largest_up_to(u32 blocks) {
  XFSX_TRY(std::optional<Cntbt::Record> found, by_length_.lookup_ge({blocks, AgBlock(0)}));
  if (!found) {
    XFSX_TRY(found, by_length_.last());
  }
  if (!found) return std::optional<Run>();
  Run const whole{found->start, found->length};
  Run const taken{whole.start, std::min(blocks, whole.length)};
  std::vector<Run> rest;
  if (taken.length < whole.length) {
    rest.push_back({AgBlock(whole.start.raw() + taken.length), whole.length - taken.length});
  }
  XFSX_TRYV(replace_free({whole}, rest));
  return std::optional<Run>(taken);
}

Result<std::optional<SpaceOfAg::Run>> SpaceOfAg::nearest(AgBlock near) {
  XFSX_TRY(std::optional<Run> const before, by_start_.lookup_le(near));
  if (before && Bnobt::end(*before) > near.raw()) return before;
  XFSX_TRY(std::optional<Run> const after, by_start_.lookup_ge(near));
  return after ? after : before;
}

/// What the trees of the AG may still grow by.
Result<TreeRoom> SpaceOfAg::room_left() const {
  auto const beyond = [](u64 room, u64 has) { return room > has ? room - has : 0; };
  Volume& volume = txn_.volume();
  XFSX_TRY(BufferRef const header, load_agi(volume, ag_));
  // Where inode btree blocks are not counted (inobtcount), this is 0: more than needed is kept.
  u64 const finobt = view_as<disk::Agi>(header->bytes()).fino_blocks.value();
  TreeRoom room = tree_room(volume.geometry(), ag_);
  room.finobt = beyond(room.finobt, finobt);
  room.refcountbt = beyond(room.refcountbt, agf().refcntblocks.value());
  room.rmapbt = beyond(room.rmapbt, agf().rmapblocks.value());
  return room;
}

Result<u64> SpaceOfAg::kept_back() const {
  XFSX_TRY(TreeRoom const room, room_left());
  return room.sum();
}

Result<u64> SpaceOfAg::unavailable() const {
  XFSX_TRY(TreeRoom const room, room_left());
  // Blocks of the trees that draw on the free list count as free.
  u64 const rmapbt = has_rmaps() ? tree_room(txn_.volume().geometry(), ag_).rmapbt : 0;
  u64 const others = u64{agf().btreeblks.value()} + (has_rmaps() ? 1 : 0) -
                     (has_rmaps() ? agf().rmapblocks.value() : 0);
  return room.finobt + room.refcountbt + rmapbt + others + set_aside_of_ag;
}

Result<std::optional<AgBlock>> SpaceOfAg::allocate(AgBlock near, RunOwner const& owner) {
  XFSX_TRYV(refill());
  XFSX_TRY(u64 const kept, kept_back());
  if (u64{agf().freeblks.value()} + agf().flcount.value() <= kept + need()) {
    return std::optional<AgBlock>();
  }
  return take_nearest(near, owner);
}

Result<std::optional<AgBlock>> SpaceOfAg::allocate_for_tree(AgBlock near, RunOwner const& owner) {
  XFSX_TRYV(refill());
  return take_nearest(near, owner);
}

Result<std::optional<AgBlock>> SpaceOfAg::take_nearest(AgBlock near, RunOwner const& owner) {
  XFSX_TRY(std::optional<Run> const found, nearest(near));
  if (!found) return std::optional<AgBlock>();
  u32 const first = found->start.raw();
  u32 const last = first + found->length - 1;
  u32 const block = std::clamp(near.raw(), first, last);
  std::vector<Run> rest;
  if (block > first) rest.push_back({found->start, block - first});
  if (block < last) rest.push_back({AgBlock(block + 1), last - block});
  XFSX_TRYV(replace_free({*found}, rest));
  gained(owner, {AgBlock(block), 1});
  return std::optional<AgBlock>(AgBlock(block));
}

Result<void> SpaceOfAg::release(AgBlock first, u32 length, RunOwner const& owner) {
  XFSX_TRYV(refill());
  lost(owner, {first, length});
  return free_run({first, length});
}

Result<void> SpaceOfAg::release_mapped(AgBlock first, u32 length) {
  XFSX_TRYV(refill());
  return free_run({first, length});
}

// Reverse mappings

void SpaceOfAg::gained(RunOwner const& owner, Run const& run) {
  if (!has_rmaps()) return;
  Moved& moved = moved_[owner];
  for (Run const& fresh : moved.lost.remove(run)) moved.gained.add(fresh);
}

void SpaceOfAg::lost(RunOwner const& owner, Run const& run) {
  if (!has_rmaps()) return;
  Moved& moved = moved_[owner];
  for (Run const& old : moved.gained.remove(run)) moved.lost.add(old);
}

void SpaceOfAg::change_mappings(std::vector<BtreeEdit<Rmapbt>> edits) {
  touched_ = true;
  edits_.insert(edits_.end(), edits.begin(), edits.end());
}

/// The reverse mappings do not have what free space has.
Error SpaceOfAg::disagrees(AgBlock block, RunOwner const& owner) const {
  Geometry const& g = txn_.volume().geometry();
  return btree_error(rmapbt_kind, g.locate(g.daddr(ag_, block)), "owner", 0, owner.owner);
}

/// Takes the records of an owner at and around a run out, once each.
Result<void> SpaceOfAg::take_records(RunOwner const& owner, Run const& run, std::set<u32>& taken,
                                     RunSet& blocks) {
  u32 const start = run.start.raw();
  u32 const from = start == 0 ? 0 : start - 1;
  XFSX_TRY(std::vector<Rmapbt::Record> const around, rmaps_.touching(from, Bnobt::end(run)));
  for (Rmapbt::Record const& r : around) {
    bool const ours = r.owner == owner.owner && r.attr_fork == owner.attr_fork &&
                      r.bmbt_block == owner.bmbt_block;
    if (!ours || !taken.insert(r.start.raw()).second) continue;
    if (blocks.touches({r.start, r.length})) return disagrees(r.start, owner);
    edits_.push_back({r, false});
    blocks.add({r.start, r.length});
  }
  return success();
}

/// Turns what an owner got and lost into records: those around the blocks go, and what is there
/// then comes back as runs.
Result<void> SpaceOfAg::add_run_edits(RunOwner const& owner, Moved const& moved) {
  RunSet blocks;
  std::set<u32> taken;  // starts of records
  for (RunSet const* side : {&moved.gained, &moved.lost}) {
    for (Run const& run : side->runs()) {
      XFSX_TRYV(take_records(owner, run, taken, blocks));
    }
  }
  for (Run const& run : moved.lost.runs()) {
    std::vector<Run> const missing = blocks.remove(run);
    if (!missing.empty()) return disagrees(missing.front().start, owner);
  }
  for (Run const& run : moved.gained.runs()) {
    if (blocks.touches(run)) return disagrees(run.start, owner);
    blocks.add(run);
  }
  for (Run const& run : blocks.runs()) {
    edits_.push_back(
        {{run.start, run.length, owner.owner, 0, owner.attr_fork, owner.bmbt_block, false}, true});
  }
  return success();
}

Result<void> SpaceOfAg::carry_out() {
  std::map<RunOwner, Moved> const moved = std::exchange(moved_, {});
  for (auto const& [owner, blocks] : moved) {
    XFSX_TRYV(add_run_edits(owner, blocks));
  }
  std::vector<BtreeEdit<Rmapbt>> edits = std::exchange(edits_, {});
  sort_edits(edits);
  return rmaps_.apply(edits);
}

Result<void> SpaceOfAg::finish() {
  if (!touched_) return success();
  XFSX_TRYV(refill());
  XFSX_TRYV(shorten());
  while (!moved_.empty() || !edits_.empty()) {
    XFSX_TRYV(carry_out());
    XFSX_TRYV(refill());
    XFSX_TRYV(shorten());
  }
  return success();
}

}  // namespace xfsx::inline v0
