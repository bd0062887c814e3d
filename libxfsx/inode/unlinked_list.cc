#include "inode/unlinked_list.h"

#include "ag/headers.h"

#include <set>

namespace xfsx::inline v0 {

namespace {

Error bad_entry(Geometry const& g, BufferRef const& agi, InodeNumber ino, std::string_view reason,
                std::source_location raised = std::source_location::current()) {
  Location where = g.locate(agi->daddr);
  where.owner = ino;
  Error e = located(Errc::bad_value, disk::Layout<disk::Agi>::name, where, raised);
  e.field = "unlinked";
  e.reason = reason;
  return e;
}

/// An inode that a list names.
Result<Inode> load_entry(Volume& volume, BufferRef const& agi, InodeNumber ino) {
  Result<Inode> inode = load_inode(volume, ino);
  if (inode) return std::move(inode.value());
  Error const& e = inode.error();
  if (e.code != Errc::refused || e.errno_class != ENOENT) return with_owner(e, ino);
  return bad_entry(volume.geometry(), agi, ino, "an inode on the list is free or does not exist");
}

}  // namespace

Result<std::vector<Inode>> unlinked_inodes(Volume& volume, AgNumber ag, u32 bucket) {
  Geometry const& g = volume.geometry();
  XFSX_TRY(BufferRef const agi, load_agi(volume, ag));
  std::vector<Inode> inodes;
  std::set<u32> seen;
  AgInode next = view_as<disk::Agi>(agi->bytes()).unlinked[bucket].value();
  while (next != null_agino) {
    InodeNumber const ino = g.inode_number(ag, next);
    if (unlinked_bucket(next) != bucket) {
      return bad_entry(g, agi, ino, "the inode belongs on another list");
    }
    if (!seen.insert(next.raw()).second) {
      Error e = bad_entry(g, agi, ino, "the list comes to an inode again");
      e.code = Errc::loop;
      return e;
    }
    XFSX_TRY(Inode inode, load_entry(volume, agi, ino));
    next = inode.core().next_unlinked.value();
    inodes.push_back(std::move(inode));
  }
  return inodes;
}

Result<void> take_off_unlinked_list(Transaction& txn, Inode const& inode, Bytes copy) {
  Volume& volume = txn.volume();
  Geometry const& g = volume.geometry();
  AgNumber const ag = g.ag_of(inode.number);
  AgInode const agino = g.agino_of(inode.number);
  u32 const bucket = unlinked_bucket(agino);
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  AgInode const next = core.next_unlinked.value();
  XFSX_TRY(BufferRef const agi, load_agi(volume, ag));
  XFSX_TRY(Bytes const header, txn.edit(agi));
  auto& head = edit_as<disk::Agi>(header).unlinked[bucket];
  if (head.value() == agino) {
    head = next;
    core.next_unlinked = null_agino;
    return success();
  }
  XFSX_TRY(std::vector<Inode> const list, unlinked_inodes(volume, ag, bucket));
  for (Inode const& before : list) {
    if (before.core().next_unlinked.value() != agino) continue;
    XFSX_TRY(Bytes const its, txn.edit_inode(before.number, before.place, before.cluster));
    edit_as<disk::Dinode>(its).next_unlinked = next;
    core.next_unlinked = null_agino;
    return success();
  }
  return bad_entry(g, agi, inode.number, "the inode is not on the list");
}

}  // namespace xfsx::inline v0
