// Superblock, AGF, AGI and AGFL. Fields that a feature brings are shown where the feature is on,
// as xfs_db does it.

#include "base/view.h"
#include "disk/ag.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

/// A superblock field and the incompat feature without which it is not shown.
struct Conditional {
  std::string_view field;
  u32 incompat;
};

constexpr Conditional conditional_fields[] = {
    {"metadirino", incompat::metadir}, {"rgcount", incompat::metadir},
    {"rgextents", incompat::metadir},  {"rgblklog", incompat::metadir},
    {"pad", incompat::metadir},        {"rtstart", incompat::zoned},
    {"rtreserved", incompat::zoned},
};

void blank(Value& group, std::string_view name) {
  for (Value& item : group.items) {
    if (item.name == name) item.spelling.clear();
  }
}

/// Version 4 has room for a checksum in these sectors and never fills it in.
void leave_unchecked(Value& group, FormatVersion const& version) {
  if (version.self_describing) return;
  for (Value& item : group.items) {
    if (item.name == "crc") spell_with(spell_hex(item), "unchecked");
  }
}

}  // namespace

Value decode_superblock(ConstBytes sector) {
  u16 const number =
      view_as<disk::Superblock>(sector).versionnum.value() & version_bit::number_mask;
  u32 const bits = view_as<disk::Superblock>(sector).features_incompat.value();
  Value fields = Value::group({});
  for (disk::Field const& field : disk::Layout<disk::Superblock>::fields) {
    Conditional const* c = std::ranges::find(conditional_fields, field.name, &Conditional::field);
    if (c != std::ranges::end(conditional_fields) && (bits & c->incompat) == 0) continue;
    if (field.offset == offsetof(disk::Superblock, pad)) {
      fields.add(decode_bits_of(field.name, sector.subspan(field.offset, field.count)));
      continue;
    }
    fields.add(decode_field(field, sector));
  }
  leave_unchecked(fields, number == format_v4.number ? format_v4 : format_v5);
  return fields;
}

Value decode_agf(ConstBytes sector, Geometry const& geometry) {
  Value fields = Value::group({});
  decode_fields(fields, disk::Layout<disk::Agf>::fields, sector);
  // A root that the filesystem does not have keeps its number in JSON and stays empty in text.
  if (!geometry.has_ro(ro_compat::rmapbt)) blank(fields, "rmaproot");
  if (!geometry.has_ro(ro_compat::reflink)) blank(fields, "refcntroot");
  leave_unchecked(fields, geometry.version());
  return fields;
}

Value decode_agi(ConstBytes sector, Geometry const& geometry) {
  Value fields = Value::group({});
  decode_fields(fields, disk::Layout<disk::Agi>::fields, sector);
  leave_unchecked(fields, geometry.version());
  return fields;
}

Value decode_agfl(ConstBytes sector, Geometry const& geometry) {
  Value fields = Value::group({});
  u16 const header = geometry.version().agfl;
  if (header != 0) decode_fields(fields, disk::Layout<disk::Agfl>::fields, sector);
  auto const slots = static_cast<u16>((sector.size() - header) / sizeof(be32));
  disk::Field const slot{"bno",
                         header,
                         sizeof(be32),
                         slots,
                         disk::Order::big,
                         disk::Show::agblock,
                         "Block numbers of the ring."};
  fields.add(decode_field(slot, sector)).layout = Value::Layout::row;
  return fields;
}

}  // namespace xfsx::inline v0::inspect
