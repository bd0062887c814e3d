#include "attr/find.h"

namespace xfsx::inline v0 {

Result<bool> has_attribute(Volume& volume, Inode const& inode, AttributeSpace space,
                           std::string_view name) {
  bool found = false;
  // One that is incomplete counts: where it stands in the way of something, it is better believed.
  XFSX_TRYV(for_each_attribute(volume, inode, [&](StoredAttribute const& a) -> Result<bool> {
    found = a.space == space && a.name == name;
    return !found;
  }));
  return found;
}

}  // namespace xfsx::inline v0
