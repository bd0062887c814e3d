#include "exchange/rmap_owners.h"

#include "ag/tree_root.h"
#include "base/view.h"
#include "inode/bmap.h"
#include "rt/rmaps.h"

#include <algorithm>
#include <array>
#include <set>

namespace xfsx::inline v0 {

namespace {

using disk::RmapKey;
using disk::RmapRecord;
using Node = BtreeNode<Rmapbt>;
using Run = OwnedBlocks::Run;

/// Sorted, and neighbours joined.
void join(std::vector<Run>& runs) {
  std::ranges::sort(runs, {}, &Run::first);
  std::size_t used = 0;
  for (Run const& run : runs) {
    if (used != 0 && run.first <= runs[used - 1].last + 1) {
      runs[used - 1].last = std::max(runs[used - 1].last, run.last);
    } else {
      runs[used++] = run;
    }
  }
  runs.resize(used);
}

/// Whether a block from `first` to `last` is in one of the runs.
bool any_within(std::span<Run const> runs, u64 first, u64 last) {
  auto const run = std::ranges::lower_bound(runs, first, {}, &Run::last);
  return run != runs.end() && run->first <= last;
}

/// Blocks that the records of a file were found for.
struct Counted {
  u64 mapped = 0, btree = 0;
};

/// The reverse mappings of one AG.
class AgOwners {
 public:
  AgOwners(Transaction& txn, OwnedBlocks const& first, OwnedBlocks const& second)
      : txn_(txn), files_{&first, &second} {}

  Result<void> exchange(AgNumber ag);

  [[nodiscard]] Counted const& counted(std::size_t file) const { return counted_[file]; }

 private:
  [[nodiscard]] Node node_of(ConstBytes bytes) const {
    return Node::of_block(bytes, txn_.volume().geometry().version());
  }
  /// The block as the transaction has it so far.
  [[nodiscard]] ConstBytes current(BufferRef const& block) const {
    auto const edited = txn_.blocks().find(block->daddr.raw());
    return edited == txn_.blocks().end() ? block->bytes() : edited->second.copy->bytes();
  }
  static RmapRecord const& record_at(ConstBytes leaf, u32 i) {
    return view_as<RmapRecord>(leaf, Rmapbt::shape.header + i * sizeof(RmapRecord));
  }

  Result<void> collect(AgNumber ag);
  Result<void> give_away(BufferRef const& leaf);
  Result<void> sort_equal_starts();
  Result<void> sort_run(std::span<std::pair<std::size_t, u32> const> places);
  Result<void> follow_keys(BufferRef const& block, AgNumber ag);

  Transaction& txn_;
  std::array<OwnedBlocks const*, 2> files_;
  std::array<Counted, 2> counted_;
  std::vector<std::vector<BufferRef>> levels_;  // the leaves first
};

/// All blocks of the tree that lead to records of the files' blocks.
Result<void> AgOwners::collect(AgNumber ag) {
  std::vector<Run> wanted;
  for (OwnedBlocks const* file : files_) {
    auto const runs = file->runs.find(ag.raw());
    if (runs == file->runs.end()) continue;
    wanted.insert(wanted.end(), runs->second.begin(), runs->second.end());
  }
  join(wanted);
  XFSX_TRY(AgTreeRoot const root, find_tree_root(txn_.volume(), ag, AgTree::rmapbt));
  levels_.assign(root.height, {});
  BtreeReader<Rmapbt> tree(txn_.volume(), root);
  return tree.visit_blocks_where(
      [&](u64 first, u64 last) { return any_within(wanted, first, last); },
      [&](BufferRef const& block, Node const& node) {
        levels_[node.level()].push_back(block);
        return true;
      });
}

/// Changes the owners in a leaf. The files' other forks stay with their inodes.
Result<void> AgOwners::give_away(BufferRef const& leaf) {
  Node const node = node_of(leaf->bytes());
  for (u32 i = 0; i < node.count(); ++i) {
    Rmapbt::Record const record = node.record(i);
    if (record.attr_fork != (files_[0]->kind == ForkKind::attr)) continue;
    for (std::size_t file = 0; file < files_.size(); ++file) {
      if (record.owner != files_[file]->owner.raw()) continue;
      (record.bmbt_block ? counted_[file].btree : counted_[file].mapped) += record.length;
      XFSX_TRY(Bytes const copy, txn_.edit(leaf));
      edit_as<RmapRecord>(copy, Rmapbt::shape.header + i * sizeof(RmapRecord)).owner =
          files_[1 - file]->owner.raw();
      break;
    }
  }
  return success();
}

/// Records with one start stand side by side, perhaps in neighbouring leaves.
Result<void> AgOwners::sort_equal_starts() {
  std::vector<std::pair<std::size_t, u32>> run;
  AgBlock start = null_agblock;
  for (std::size_t leaf = 0; leaf < levels_[0].size(); ++leaf) {
    ConstBytes const bytes = current(levels_[0][leaf]);
    u32 const count = node_of(bytes).count();
    for (u32 i = 0; i < count; ++i) {
      AgBlock const here = record_at(bytes, i).startblock.value();
      if (here != start) {
        XFSX_TRYV(sort_run(run));
        run.clear();
      }
      start = here;
      run.emplace_back(leaf, i);
    }
  }
  return sort_run(run);
}

Result<void> AgOwners::sort_run(std::span<std::pair<std::size_t, u32> const> places) {
  if (places.size() < 2) return success();
  std::vector<RmapRecord> records;
  for (auto const& [leaf, i] : places) records.push_back(record_at(current(levels_[0][leaf]), i));
  auto const key = [](RmapRecord const& r) { return Rmapbt::key_of(Rmapbt::decode(r)); };
  if (std::ranges::is_sorted(records, {}, key)) return success();
  std::ranges::sort(records, {}, key);
  for (std::size_t n = 0; n < places.size(); ++n) {
    auto const& [leaf, i] = places[n];
    XFSX_TRY(Bytes const copy, txn_.edit(levels_[0][leaf]));
    edit_as<RmapRecord>(copy, Rmapbt::shape.header + i * sizeof(RmapRecord)) = records[n];
  }
  return success();
}

RmapKey encode(Rmapbt::Key const& low, Rmapbt::Key const& high) {
  RmapKey key{};
  key.startblock = low.start;
  key.owner = low.owner;
  key.offset = low.offset;
  key.startblock_hi = high.start;
  key.owner_hi = high.owner;
  key.offset_hi = high.offset;
  return key;
}

/// Makes the keys of a node say again what stands in the blocks below it. Blocks that were not
/// looked at are as they were.
Result<void> AgOwners::follow_keys(BufferRef const& block, AgNumber ag) {
  Geometry const& g = txn_.volume().geometry();
  Node const node = node_of(block->bytes());
  for (u32 i = 0; i < node.count(); ++i) {
    auto const child = txn_.blocks().find(g.daddr(ag, node.pointer(i)).raw());
    if (child == txn_.blocks().end()) continue;
    Node const below = node_of(child->second.copy->bytes());
    Rmapbt::Key high{};
    for (u32 j = 0; j < below.count(); ++j) high = std::max(high, below.high_key(j));
    RmapKey const key = encode(below.key(0), high);
    XFSX_TRY(Bytes const copy, txn_.edit(block));
    edit_as<RmapKey>(copy, Rmapbt::shape.header + i * sizeof(RmapKey)) = key;
  }
  return success();
}

Result<void> AgOwners::exchange(AgNumber ag) {
  XFSX_TRYV(collect(ag));
  for (BufferRef const& leaf : levels_[0]) {
    XFSX_TRYV(give_away(leaf));
  }
  XFSX_TRYV(sort_equal_starts());
  for (std::size_t level = 1; level < levels_.size(); ++level) {
    for (BufferRef const& block : levels_[level]) {
      XFSX_TRYV(follow_keys(block, ag));
    }
  }
  return success();
}

/// An error where the records of a file are for other blocks than its fork has.
Result<void> check_count(OwnedBlocks const& file, std::string_view what, u64 found, u64 expected,
                         u8 operand) {
  if (found == expected) return success();
  Location where;
  where.kind = AddressKind::inode;
  where.address = file.owner.raw();
  Error e = located(Errc::bad_value, "rmapbt", where);
  e.field = "owner";
  e.relation = Relation::equal;
  e.found.number = found;
  e.expected.number = expected;
  e.reason = what;
  return with_operand(e, operand);
}

}  // namespace

Result<OwnedBlocks> owned_blocks(Volume& volume, Inode const& inode, LiftedFork const& fork) {
  Geometry const& g = volume.geometry();
  OwnedBlocks owned;
  owned.owner = inode.number;
  owned.kind = fork.kind;
  owned.btree = fork.btree.size();
  std::vector<Mapping> mappings;
  bool const elsewhere = fork.kind == ForkKind::data && inode.is_realtime();
  if (!elsewhere) {
    owned.mapped = fork.blocks - owned.btree;
    XFSX_TRY(mappings, collect_mappings(volume, inode, fork.kind));
  }
  for (Mapping const& m : mappings) {
    u64 const first = g.agblock_of(m.start).raw();
    owned.runs[g.ag_of(m.start).raw()].push_back({first, first + m.length.raw() - 1});
  }
  for (BufferRef const& block : fork.btree) {
    Location const where = g.locate(block->daddr);
    owned.runs[where.ag.raw()].push_back({where.agblock.raw(), where.agblock.raw()});
  }
  for (auto& [ag, runs] : owned.runs) join(runs);
  return owned;
}

Result<void> exchange_owners(Transaction& txn, OwnedBlocks const& first,
                             OwnedBlocks const& second) {
  std::set<u32> groups;
  for (auto const& [ag, runs] : first.runs) groups.insert(ag);
  for (auto const& [ag, runs] : second.runs) groups.insert(ag);
  std::array<Counted, 2> counted;
  for (u32 const ag : groups) {
    AgOwners owners(txn, first, second);
    XFSX_TRYV(owners.exchange(AgNumber(ag)));
    for (std::size_t file = 0; file < counted.size(); ++file) {
      counted[file].mapped += owners.counted(file).mapped;
      counted[file].btree += owners.counted(file).btree;
    }
  }
  constexpr std::string_view data = "blocks of the fork with this owner, in all reverse mappings";
  constexpr std::string_view tree = "blocks of the mapping btree with this owner, likewise";
  XFSX_TRYV(check_count(first, data, counted[0].mapped, first.mapped, 1));
  XFSX_TRYV(check_count(first, tree, counted[0].btree, first.btree, 1));
  XFSX_TRYV(check_count(second, data, counted[1].mapped, second.mapped, 2));
  return check_count(second, tree, counted[1].btree, second.btree, 2);
}

Result<void> exchange_realtime_owners(Transaction& txn, Inode const& first, Inode const& second) {
  Volume& volume = txn.volume();
  XFSX_TRY(std::vector<Mapping> const mine, collect_mappings(volume, first, ForkKind::data));
  XFSX_TRY(std::vector<Mapping> const theirs, collect_mappings(volume, second, ForkKind::data));
  MappingChange const changes[] = {{first.number, ForkKind::data, mine, theirs},
                                   {second.number, ForkKind::data, theirs, mine}};
  Space space(txn);
  XFSX_TRYV(change_realtime_rmaps(txn, space, changes));
  return space.finish();
}

}  // namespace xfsx::inline v0
