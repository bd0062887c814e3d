#include "rt/group_tree.h"

#include "dir/metadata_file.h"

#include <fmt/format.h>

namespace xfsx::inline v0 {

namespace {

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
  std::string const name = fmt::format("{}.{}", group, suffix);
  XFSX_TRY(std::optional<Inode> found, find_metadata_file(volume, "rtgroups", name));
  if (!found) {
    return with_note(refuse(ENOENT, "a file of a realtime group is not there"), name);
  }
  XFSX_TRYV(check_group_tree(volume.geometry(), *found, group, type));
  return std::move(*found);
}

}  // namespace xfsx::inline v0
