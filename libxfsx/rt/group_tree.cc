#include "rt/group_tree.h"

#include "dir/metadata_file.h"

#include <fmt/format.h>

namespace xfsx::inline v0 {

namespace {

std::string_view suffix_of(disk::MetaType type) {
  switch (type) {
    case disk::MetaType::rt_bitmap:
      return "bitmap";
    case disk::MetaType::rt_summary:
      return "summary";
    case disk::MetaType::rt_rmap:
      return "rmap";
    default:
      return "refcount";
  }
}

}  // namespace

Result<Inode> find_group_file(Volume& volume, u32 group, disk::MetaType type) {
  std::string const name = fmt::format("{}.{}", group, suffix_of(type));
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
