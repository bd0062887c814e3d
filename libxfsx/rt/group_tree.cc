#include "rt/group_tree.h"

#include "dir/metadata_file.h"

#include <fmt/format.h>

namespace xfsx::inline v0 {

Result<Inode> find_group_tree(Volume& volume, u32 group, disk::MetaType type) {
  std::string_view const suffix = type == disk::MetaType::rt_rmap ? "rmap" : "refcount";
  std::string const name = fmt::format("{}.{}", group, suffix);
  XFSX_TRY(std::optional<Inode> found, find_metadata_file(volume, "rtgroups", name, type));
  if (!found) {
    return with_note(refuse(ENOENT, "a file of a realtime group is not there"), name);
  }
  if (found->project() == group) return std::move(*found);
  Error e = located(Errc::bad_value, "inode", found->location(volume.geometry()));
  e.relation = Relation::equal;
  e.field = "projid_lo";
  e.found.number = found->project();
  e.expected.number = group;
  return e;
}

}  // namespace xfsx::inline v0
