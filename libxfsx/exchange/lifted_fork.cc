#include "exchange/lifted_fork.h"

#include "attr/list.h"
#include "base/view.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "inode/bmap.h"
#include "inode/extent_counts.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

constexpr u32 core_size = sizeof(disk::Dinode);
constexpr u32 root_header = sizeof(disk::BmdrBlock);
constexpr u32 device_number_size = 4;
constexpr u32 entry_size = sizeof(disk::BmbtKey) + sizeof(be<FsBlock>);

/// Keys and pointers that a btree root has room for; the pointers start behind room for all keys.
u32 root_capacity(u32 area) {
  return area < root_header ? 0 : (area - root_header) / entry_size;
}

u32 extents_capacity(u32 area) {
  return area / static_cast<u32>(sizeof(disk::BmbtRecord));
}

/// Whether the only block below the root would have to lie in a root of `area` bytes: what is under
/// half full and fits there must not stand alone. xfs_repair lets it pass, scrub does not.
bool root_must_take_child(LiftedFork const& fork, u32 area) {
  if (fork.keys.size() != sizeof(disk::BmbtKey)) return false;
  auto const is_child = [&](BufferRef const& block) {
    return view_as<disk::BtreeLongBlock>(block->bytes()).level.value() + 1U == fork.level;
  };
  std::vector<BufferRef>::const_iterator const child = std::ranges::find_if(fork.btree, is_child);
  if (child == fork.btree.end()) return false;
  ConstBytes const bytes = (*child)->bytes();
  u64 const records = view_as<disk::BtreeLongBlock>(bytes).numrecs.value();
  u64 const half = (bytes.size() - sizeof(disk::BtreeLongBlock)) / entry_size / 2;
  return records < half && records <= root_capacity(area);
}

std::vector<std::byte> copy(ConstBytes bytes) {
  return {bytes.begin(), bytes.end()};
}

/// Bytes of a fork whose contents lie in the inode.
Result<u64> local_size(Volume& volume, Inode const& inode, ForkKind kind) {
  if (kind == ForkKind::data) return inode.size();  // no more than the fork, says the verifier
  ConstBytes const area = fork_bytes(inode, kind);
  Location const where = inode.location(volume.geometry());
  // Walking over the list checks it.
  XFSX_TRYV(visit_short_form(area, where, [](auto const&) -> Result<bool> { return true; }));
  return u64{view_as<disk::AttrShortHeader>(area).totsize.value()};
}

void lift_root(LiftedFork& fork, ConstBytes area) {
  disk::BmdrBlock const& root = view_as<disk::BmdrBlock>(area);
  std::size_t const bytes = std::size_t{root.numrecs.value()} * sizeof(u64);
  u32 const pointers_at =
      root_header + root_capacity(static_cast<u32>(area.size())) * static_cast<u32>(sizeof(u64));
  fork.level = root.level.value();
  fork.keys = copy(area.subspan(root_header, bytes));
  fork.pointers = copy(area.subspan(pointers_at, bytes));
}

Result<void> lift_btree(Volume& volume, Inode const& inode, LiftedFork& fork) {
  XFSX_TRY(fork.btree, bmbt_blocks(volume, inode, fork.kind));
  lift_root(fork, fork_bytes(inode, fork.kind));
  XFSX_TRY(BlockCount const mapped, mapped_by_leaves(volume, inode, fork.kind, fork.btree));
  fork.blocks = mapped.raw() + fork.btree.size();
  return success();
}

void set_root(LiftedFork const& fork, Bytes area) {
  disk::BmdrBlock& root = edit_as<disk::BmdrBlock>(area);
  root.level = fork.level;
  root.numrecs = static_cast<u16>(fork.keys.size() / sizeof(u64));
  u32 const pointers_at =
      root_header + root_capacity(static_cast<u32>(area.size())) * static_cast<u32>(sizeof(u64));
  std::ranges::copy(fork.keys, area.begin() + root_header);
  std::ranges::copy(fork.pointers, area.begin() + pointers_at);
}

}  // namespace

Result<LiftedFork> lift_fork(Volume& volume, Inode const& inode, ForkKind kind) {
  LiftedFork fork;
  fork.kind = kind;
  fork.format = fork_format(inode, kind);
  fork.extents = fork_mapping_count(inode, kind);
  ConstBytes const area = fork_bytes(inode, kind);
  if (fork.format == disk::ForkFormat::btree) {
    XFSX_TRYV(lift_btree(volume, inode, fork));
  } else if (fork.format == disk::ForkFormat::extents) {
    fork.inside = copy(area.first(fork.extents * sizeof(disk::BmbtRecord)));
    XFSX_TRY(std::vector<Mapping> const mappings, collect_mappings(volume, inode, kind));
    fork.blocks = mapped_blocks(mappings).raw();
  } else if (fork.format == disk::ForkFormat::local) {
    XFSX_TRY(u64 const size, local_size(volume, inode, kind));
    fork.inside = copy(area.first(size));
  } else if (fork.format == disk::ForkFormat::dev) {
    fork.inside = copy(area.first(device_number_size));
  } else {
    return refuse(EOPNOTSUPP, "the fork is in a format that no file of a user has");
  }
  return fork;
}

Result<void> check_fits(LiftedFork const& fork, u32 area) {
  if (fork.format != disk::ForkFormat::btree) {
    if (fork.inside.size() <= area) return success();
    return refuse(EOPNOTSUPP, fork.format == disk::ForkFormat::extents
                                  ? "the mappings do not fit the fork area of the other inode"
                                  : "what lies in the inode does not fit into the other one");
  }
  if (fork.extents <= extents_capacity(area)) {
    return refuse(EOPNOTSUPP,
                  "the btree has so few mappings that the other inode must hold them itself, "
                  "which would free blocks");
  }
  if (root_must_take_child(fork, area)) {
    return refuse(EOPNOTSUPP,
                  "the root in the other inode has room for the block below it, which would free "
                  "that block");
  }
  if (fork.keys.size() / sizeof(u64) <= root_capacity(area)) return success();
  return refuse(EOPNOTSUPP, "the btree root does not fit the fork area of the other inode");
}

void set_down(LiftedFork const& fork, Bytes inode) {
  disk::Dinode& core = edit_as<disk::Dinode>(inode);
  bool const data = fork.kind == ForkKind::data;
  (data ? core.format : core.aformat) = static_cast<u8>(fork.format);
  set_extent_count(core, fork.kind, fork.extents);
  Bytes const literal = inode.subspan(core_size);
  std::size_t const size = fork_bytes(InodeView(inode), fork.kind).size();
  Bytes const area = data ? literal.first(size) : literal.last(size);
  // Nothing of the old fork stays behind where the new one is shorter.
  std::ranges::fill(area, std::byte{0});
  if (fork.format == disk::ForkFormat::btree) {
    set_root(fork, area);
  } else {
    std::ranges::copy(fork.inside, area.begin());
  }
}

Result<void> adopt_btree(Transaction& txn, LiftedFork const& fork, InodeNumber owner) {
  for (BufferRef const& block : fork.btree) {
    XFSX_TRY(Bytes const copy, txn.edit(block, owner));
    edit_as<disk::BtreeLongBlock>(copy).owner = owner;
  }
  return success();
}

}  // namespace xfsx::inline v0
