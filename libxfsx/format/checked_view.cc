#include "format/checked_view.h"

namespace xfsx::inline v0 {

Error located(Errc code, std::string_view structure, Location const& where,
              std::source_location raised) {
  Error e = make_error(code, EUCLEAN, {}, raised);
  e.structure = structure;
  e.device = where.device;
  e.address_kind = where.kind;
  e.address = where.address;
  e.ag = where.ag;
  e.agblock = where.agblock;
  e.owner = where.owner;
  return e;
}

disk::Field const* field_at(std::span<disk::Field const> fields, std::size_t offset) {
  for (disk::Field const& f : fields) {
    if (offset >= f.offset && offset < f.offset + std::size_t{f.size} * f.count) return &f;
  }
  return nullptr;
}

}  // namespace xfsx::inline v0
