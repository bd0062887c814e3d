// Dquots. Timers are shown as xfs_db shows them: for the record of id 0, which has the times that
// others are granted, seconds; for others the moment, with the BIGTIME flag in units of 4 seconds.

#include "base/view.h"
#include "disk/quota.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

constexpr std::string_view timers[] = {"itimer", "btimer", "rtbtimer"};
constexpr u32 bigtime_shift = 2;

void spell_timer(Value& value, disk::Dquot const& dquot) {
  bool const bigtime = (dquot.type & disk::dquot_type::bigtime) != 0;
  u64 const seconds = value.number << (bigtime ? bigtime_shift : 0);
  bool const moment = seconds != 0 && dquot.id.value() != 0;
  value.spelling = moment ? calendar(static_cast<s64>(seconds)) : std::to_string(seconds);
}

}  // namespace

Value decode_dquot(ConstBytes record, Geometry const& geometry) {
  auto const& stored = view_as<disk::DquotRecord>(record);
  Value core = Value::group("diskdq");
  decode_fields(core, disk::Layout<disk::Dquot>::fields, record);
  for (Value& v : core.items) {
    if (std::ranges::find(timers, v.name) != std::ranges::end(timers)) {
      spell_timer(v, stored.diskdq);
    }
  }
  Value fields = Value::group({});
  fields.add(std::move(core));
  if (geometry.version().self_describing) {
    decode_fields(fields, disk::Layout<disk::DquotRecord>::fields, record);
  }
  return fields;
}

Value decode_dquot_block(ConstBytes block, Geometry const& geometry) {
  constexpr std::size_t size = sizeof(disk::DquotRecord);
  Value list = Value::list("dquots");
  for (std::size_t at = 0; at + size <= block.size(); at += size) {
    list.add(decode_dquot(block.subspan(at, size), geometry));
  }
  Value fields = Value::group({});
  fields.add(std::move(list));
  return fields;
}

}  // namespace xfsx::inline v0::inspect
