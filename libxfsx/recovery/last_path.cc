#include "recovery/last_path.h"

#include "attr/parents.h"

namespace xfsx::inline v0 {

namespace {

Result<std::string> find_path(Volume& before, Volume& after, InodeNumber number) {
  XFSX_TRY(Inode const inode, load_inode(before, number));
  XFSX_TRY(std::vector<ParentPointer> const parents, parents_of(before, inode));
  return parents.empty() ? std::string() : path_of(after, parents.front());
}

}  // namespace

Result<std::string> last_path(Volume& before, Volume& after, InodeNumber number) {
  if (!before.geometry().has(incompat::parent)) return std::string();
  Result<std::string> path = find_path(before, after, number);
  if (path || path.error().code == Errc::io) return path;
  return std::string();
}

}  // namespace xfsx::inline v0
