#include "exchange/data_fork.h"

#include "base/view.h"
#include "disk/btree.h"
#include "inode/bmap.h"
#include "inode/extent_counts.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

constexpr u32 core_size = sizeof(disk::Dinode);
constexpr u32 root_header = sizeof(disk::BmdrBlock);
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
bool root_must_take_child(DataFork const& fork, u32 area) {
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

void lift_root(DataFork& fork, ConstBytes area) {
  disk::BmdrBlock const& root = view_as<disk::BmdrBlock>(area);
  std::size_t const bytes = std::size_t{root.numrecs.value()} * sizeof(u64);
  u32 const pointers_at =
      root_header + root_capacity(static_cast<u32>(area.size())) * static_cast<u32>(sizeof(u64));
  fork.level = root.level.value();
  fork.keys = copy(area.subspan(root_header, bytes));
  fork.pointers = copy(area.subspan(pointers_at, bytes));
}

void set_root(DataFork const& fork, Bytes area) {
  disk::BmdrBlock& root = edit_as<disk::BmdrBlock>(area);
  root.level = fork.level;
  root.numrecs = static_cast<u16>(fork.keys.size() / sizeof(u64));
  u32 const pointers_at =
      root_header + root_capacity(static_cast<u32>(area.size())) * static_cast<u32>(sizeof(u64));
  std::ranges::copy(fork.keys, area.begin() + root_header);
  std::ranges::copy(fork.pointers, area.begin() + pointers_at);
}

}  // namespace

Result<DataFork> lift_data_fork(Volume& volume, Inode const& inode) {
  DataFork fork;
  fork.format = static_cast<disk::ForkFormat>(inode.core().format);
  fork.extents = inode.nextents();
  ConstBytes const area = fork_bytes(inode, ForkKind::data);
  if (fork.format == disk::ForkFormat::btree) {
    XFSX_TRY(fork.btree, bmbt_blocks(volume, inode, ForkKind::data));
    lift_root(fork, area);
    XFSX_TRY(BlockCount const mapped, mapped_by_leaves(volume, inode, ForkKind::data, fork.btree));
    fork.blocks = mapped.raw() + fork.btree.size();
    return fork;
  }
  if (fork.format != disk::ForkFormat::extents) {
    return refuse(EOPNOTSUPP, "the data fork is neither in extents nor in btree format");
  }
  fork.records = copy(area.first(fork.extents * sizeof(disk::BmbtRecord)));
  XFSX_TRY(std::vector<Mapping> const mappings, collect_mappings(volume, inode, ForkKind::data));
  fork.blocks = mapped_blocks(mappings).raw();
  return fork;
}

Result<void> check_fits(DataFork const& fork, u32 area) {
  if (fork.format == disk::ForkFormat::extents) {
    if (fork.extents <= extents_capacity(area)) return success();
    return refuse(EOPNOTSUPP, "the mappings do not fit the fork area of the other inode");
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

void set_data_fork(DataFork const& fork, Bytes inode, u32 area) {
  disk::Dinode& core = edit_as<disk::Dinode>(inode);
  core.format = static_cast<u8>(fork.format);
  set_extent_count(core, ForkKind::data, fork.extents);
  Bytes const literal = inode.subspan(core_size, area);
  // Nothing of the old fork stays behind where the new one is shorter.
  std::ranges::fill(literal, std::byte{0});
  if (fork.format == disk::ForkFormat::btree) {
    set_root(fork, literal);
  } else {
    std::ranges::copy(fork.records, literal.begin());
  }
}

Result<void> adopt_btree(Transaction& txn, DataFork const& fork, InodeNumber owner) {
  for (BufferRef const& block : fork.btree) {
    XFSX_TRY(Bytes const copy, txn.edit(block, owner));
    edit_as<disk::BtreeLongBlock>(copy).owner = owner;
  }
  return success();
}

}  // namespace xfsx::inline v0
