#include "attr/parents.h"

#include "attr/list.h"
#include "base/view.h"
#include "disk/parent.h"

#include <optional>
#include <set>

namespace xfsx::inline v0 {

namespace {

/// The inode in use that a pointer leads to, unless it is another one by now.
Result<std::optional<Inode>> follow(Volume& volume, ParentPointer const& pointer) {
  if (!volume.geometry().valid(pointer.parent)) return std::nullopt;
  Result<Inode> inode = load_inode(volume, pointer.parent);
  if (!inode && inode.error().code == Errc::refused) return std::nullopt;
  if (!inode) return inode.error();
  if (!inode.value().is_directory()) return std::nullopt;
  if (inode.value().generation() != pointer.generation) return std::nullopt;
  return std::optional<Inode>(std::move(inode).value());
}

}  // namespace

Result<std::vector<ParentPointer>> parents_of(Volume& volume, Inode const& inode) {
  std::vector<ParentPointer> parents;
  if (!volume.geometry().has(incompat::parent)) return parents;
  auto const note = [&](StoredAttribute const& a, std::vector<std::byte> value) -> Result<bool> {
    if (a.space != AttributeSpace::parent) return true;
    if (value.size() != sizeof(disk::ParentRecord)) {
      Error e = located(Errc::bad_value, disk::Layout<disk::ParentRecord>::name,
                        inode.location(volume.geometry()));
      e.field = "valuelen";
      e.relation = Relation::equal;
      e.found.number = value.size();
      e.expected.number = sizeof(disk::ParentRecord);
      return e;
    }
    auto const& record = view_as<disk::ParentRecord>(value);
    parents.push_back({record.inumber.value(), record.gen.value(), std::string(a.name)});
    return true;
  };
  XFSX_TRYV(for_each_value(volume, inode, note));
  return parents;
}

Result<std::string> path_of(Volume& volume, ParentPointer const& pointer) {
  std::string path = "/" + pointer.name;
  std::set<InodeNumber> met;
  XFSX_TRY(std::optional<Inode> above, follow(volume, pointer));
  while (above && above->number != volume.geometry().root_inode()) {
    if (!met.insert(above->number).second) return std::string();
    XFSX_TRY(std::vector<ParentPointer> const parents, parents_of(volume, *above));
    if (parents.empty()) return std::string();
    path.insert(0, "/" + parents.front().name);
    XFSX_TRY(above, follow(volume, parents.front()));
  }
  if (!above) path.clear();
  return path;
}

}  // namespace xfsx::inline v0
