#include "recovery/last_path.h"

#include "attr/parents.h"

namespace xfsx::inline v0 {

namespace {

Result<std::string> find_path(Volume& before, Volume& after, InodeNumber number) {
  XFSX_TRY(Inode const inode, load_inode(before, number));
  XFSX_TRY(std::vector<ParentPointer> const parents, parents_of(before, inode));
  if (parents.empty()) return std::string();
  ParentPointer const& last = parents.front();
  if (!after.geometry().valid(last.parent)) return std::string();
  XFSX_TRY(Inode const parent, load_inode(after, last.parent));
  if (parent.generation() != last.generation) return std::string();
  XFSX_TRY(std::string path, path_by_parents(after, last.parent));
  if (path.empty()) return path;
  if (path.size() > 1) path += '/';  // else it is the root
  return path + last.name;
}

}  // namespace

Result<std::string> last_path(Volume& before, Volume& after, InodeNumber number) {
  if (!before.geometry().has(incompat::parent)) return std::string();
  Result<std::string> path = find_path(before, after, number);
  if (path || path.error().code == Errc::io) return path;
  return std::string();
}

}  // namespace xfsx::inline v0
