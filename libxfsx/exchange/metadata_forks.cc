#include "exchange/metadata_forks.h"

#include "attr/list_to_leaf.h"
#include "exchange/adopt.h"
#include "exchange/block_counts.h"
#include "exchange/fork_places.h"
#include "exchange/rmap_owners.h"
#include "symlink/bring_in.h"

#include <array>

namespace xfsx::inline v0 {

namespace {

/// Both forks of an inode.
struct ForkPair {
  LiftedFork data, attr;

  [[nodiscard]] LiftedFork const& of(ForkKind kind) const {
    return kind == ForkKind::data ? data : attr;
  }
  [[nodiscard]] LiftedFork& of(ForkKind kind) { return kind == ForkKind::data ? data : attr; }
};

Result<ForkPair> lift_both(Volume& volume, EditedFile const& file, u8 operand) {
  Result<LiftedFork> data = lift_fork(volume, file.inode, ForkKind::data);
  if (!data) return with_operand(data.error(), operand);
  Result<LiftedFork> attr = lift_fork(volume, file.inode, ForkKind::attr);
  if (!attr) return with_operand(attr.error(), operand);
  return ForkPair{std::move(data.value()), std::move(attr.value())};
}

/// An attribute fork that maps one leaf.
LiftedFork fork_of_leaf() {
  LiftedFork fork;
  fork.kind = ForkKind::attr;
  fork.extents = 1;
  fork.inside.resize(sizeof(disk::BmbtRecord));
  return fork;
}

void lay_out(EditedFile const& file, ForkPair const& forks, u8 forkoff) {
  std::ranges::fill(file.copy.subspan(sizeof(disk::Dinode)), std::byte{0});
  file.core().forkoff = forkoff;
  set_down(forks.data, file.copy);
  set_down(forks.attr, file.copy);
}

/// Sets both forks down in an inode, its attributes in a leaf if there is no other way.
Result<void> set_down_both(Transaction& txn, EditedFile const& file, ForkPair const& forks,
                           std::array<u8, 3> const& preferred) {
  u32 const literal = file.inode.literal_size();
  std::optional<u8> const place = place_forks(forks.data, forks.attr, literal, preferred);
  if (place) {
    lay_out(file, forks, *place);
    return success();
  }
  if (forks.attr.format == disk::ForkFormat::local) {
    ForkPair const with_leaf{forks.data, fork_of_leaf()};
    std::optional<u8> const beside =
        place_forks(with_leaf.data, with_leaf.attr, literal, preferred);
    if (beside) {
      LiftedFork nothing;
      nothing.kind = ForkKind::attr;
      lay_out(file, {forks.data, nothing}, *beside);
      return put_list_in_leaf(txn, file.inode.number, file.copy, forks.attr.inside);
    }
  }
  return refuse(EOPNOTSUPP, "its forks would not fit into the inode together");
}

/// Where the attribute fork should begin: without one nowhere, otherwise where it does, or does in
/// the inode that it comes from.
std::array<u8, 3> preferred_places(Inode const& inode, Inode const& other, LiftedFork const& attr) {
  u8 const own = inode.core().forkoff;
  u8 const others = other.core().forkoff;
  if (attr.is_empty()) return {0, own, others};
  return {own, others, own};
}

Result<void> adopt_fork(Transaction& txn, EditedFile const& from, LiftedFork const& fork,
                        InodeNumber owner, ExchangeSide& side, u8 operand) {
  XFSX_TRYV(adopt_btree(txn, fork, owner));
  Result<u64> const blocks = adopt_metadata(txn, from.inode, fork.kind, owner);
  if (!blocks) return with_operand(blocks.error(), operand);
  side.btree_blocks = fork.btree.size();
  side.metadata_blocks = blocks.value();
  return success();
}

Result<void> exchange_reverse_mappings(Transaction& txn, EditedFile const& first,
                                       LiftedFork const& fork1, EditedFile const& second,
                                       LiftedFork const& fork2) {
  Volume& volume = txn.volume();
  if (!volume.geometry().has_ro(ro_compat::rmapbt)) return success();
  XFSX_TRY(OwnedBlocks const owned1, owned_blocks(volume, first.inode, fork1));
  XFSX_TRY(OwnedBlocks const owned2, owned_blocks(volume, second.inode, fork2));
  return exchange_owners(txn, owned1, owned2);
}

/// A link whose target fits the inode has it there: xfs_repair 6.1 takes anything else for damage.
/// `from`: whose blocks hold the target so far.
Result<void> settle_target(Transaction& txn, EditedFile const& file, Inode const& from) {
  InodeView const link(file.copy);
  bool const in_blocks = link.is_symlink() &&
                         fork_format(link, ForkKind::data) == disk::ForkFormat::extents;
  if (!in_blocks || link.size() > link.data_fork_size()) return success();
  XFSX_TRY(std::string const target, read_symlink(txn.volume(), from));
  XFSX_TRY(std::vector<Mapping> const mappings,
           collect_mappings(txn.volume(), from, ForkKind::data));
  return bring_target_in(txn, file.inode.number, file.copy, target, mappings);
}

}  // namespace

Result<void> swap_metadata_forks(Transaction& txn, EditedFile const& first,
                                 EditedFile const& second, ExchangePlan& plan) {
  Volume& volume = txn.volume();
  ForkKind const kind = plan.fork;
  XFSX_TRY(ForkPair forks1, lift_both(volume, first, 1));
  XFSX_TRY(ForkPair forks2, lift_both(volume, second, 2));
  u64 const blocks1 = forks1.of(kind).blocks;
  u64 const blocks2 = forks2.of(kind).blocks;
  XFSX_TRYV(move_blocks(first, blocks1, blocks2, 1));
  XFSX_TRYV(move_blocks(second, blocks2, blocks1, 2));
  XFSX_TRYV(adopt_fork(txn, first, forks1.of(kind), second.inode.number, plan.file1, 1));
  XFSX_TRYV(adopt_fork(txn, second, forks2.of(kind), first.inode.number, plan.file2, 2));
  XFSX_TRYV(exchange_reverse_mappings(txn, first, forks1.of(kind), second, forks2.of(kind)));

  std::swap(forks1.of(kind), forks2.of(kind));
  if (kind == ForkKind::data) {
    first.core().size = plan.file2.size_before;
    second.core().size = plan.file1.size_before;
  }
  std::array<u8, 3> const places1 = preferred_places(first.inode, second.inode, forks1.attr);
  std::array<u8, 3> const places2 = preferred_places(second.inode, first.inode, forks2.attr);
  Result<void> const done1 = set_down_both(txn, first, forks1, places1);
  if (!done1) return with_operand(done1.error(), 1);
  Result<void> const done2 = set_down_both(txn, second, forks2, places2);
  if (!done2) return with_operand(done2.error(), 2);
  bool const data = kind == ForkKind::data;
  XFSX_TRYV(settle_target(txn, first, data ? second.inode : first.inode));
  XFSX_TRYV(settle_target(txn, second, data ? first.inode : second.inode));
  plan.way = ExchangeWay::fork_swap;
  return success();
}

}  // namespace xfsx::inline v0
