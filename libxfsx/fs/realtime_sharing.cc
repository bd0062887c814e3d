#include "fs/realtime_sharing.h"

#include "btree/reader.h"
#include "dir/directory.h"
#include "inode/fork.h"

#include <fmt/format.h>

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

Result<InodeNumber> look_up(Volume& volume, InodeNumber parent, std::string const& name) {
  XFSX_TRY(Inode inode, load_inode(volume, parent));
  XFSX_TRY(Directory directory, Directory::open(volume, std::move(inode)));
  XFSX_TRY(std::optional<RawDirEntry> const entry, directory.lookup(name));
  if (entry) return entry->inode;
  return with_note(refuse(ENOENT, "a file of a realtime group is not there"), name);
}

/// The inode says that it is this tree, and of which group.
Result<void> check_group_tree(Geometry const& g, Inode const& inode, u32 group,
                              disk::MetaType type) {
  Error e = located(Errc::bad_value, "inode", inode.location(g));
  e.relation = Relation::equal;
  if (!inode.is_metadata() || inode.core().metatype.value() != static_cast<u16>(type)) {
    e.field = "metatype";
    e.found.number = inode.core().metatype.value();
    e.expected.number = static_cast<u16>(type);
    return e;
  }
  if (inode.project() == group) return success();
  e.field = "projid_lo";
  e.found.number = inode.project();
  e.expected.number = group;
  return e;
}

}  // namespace

Result<Inode> find_group_tree(Volume& volume, u32 group, disk::MetaType type) {
  std::string_view const suffix = type == disk::MetaType::rt_rmap ? "rmap" : "refcount";
  XFSX_TRY(InodeNumber const groups,
           look_up(volume, volume.geometry().metadata_root(), "rtgroups"));
  XFSX_TRY(InodeNumber const file, look_up(volume, groups, fmt::format("{}.{}", group, suffix)));
  XFSX_TRY(Inode inode, load_inode(volume, file));
  XFSX_TRYV(check_group_tree(volume.geometry(), inode, group, type));
  return inode;
}

Result<void> RealtimeSharing::for_each(FsBlock start, BlockCount length,
                                       std::function<void(u64 first, u64 count)> const& visit) {
  Geometry const& g = volume_.geometry();
  if (!g.has_ro(ro_compat::reflink) || !g.realtime().groups || length.raw() == 0) return success();
  u32 const group = g.realtime().group_of(start);
  auto known = trees_.find(group);
  if (known == trees_.end()) {
    XFSX_TRY(Inode found, find_group_tree(volume_, group, disk::MetaType::rt_refcount));
    known = trees_.emplace(group, std::move(found)).first;
  }
  Inode const& inode = known->second;
  BtreeReader<RtRefcountbt> tree(
      volume_, {fork_bytes(inode, ForkKind::data), inode.number, inode.location(g)});
  u64 const first = g.realtime().block_in_group(start);
  u64 const end = first + length.raw();
  // Copy-on-write staging sorts behind every block that exists.
  return tree.visit_range(first, end - 1, [&](RtRefcountbt::Record const& r) {
    u64 const from = std::max<u64>(first, r.start);
    u64 const to = std::min(end, u64{r.start} + r.length);
    if (r.count > 1) visit(from - first, to - from);
    return true;
  });
}

}  // namespace xfsx::inline v0
