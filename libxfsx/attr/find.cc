#include "attr/find.h"

namespace xfsx::inline v0 {

Result<bool> has_attribute(Volume& volume, Inode const& inode, AttributeSpace space,
                           std::string_view name) {
  bool found = false;
  XFSX_TRYV(for_each_attribute(volume, inode, [&](StoredAttribute const& a) -> Result<bool> {
    found = a.space == space && a.name == name && !a.incomplete;
    return !found;
  }));
  return found;
}

}  // namespace xfsx::inline v0
