// Log items as values: every field of every structure that they hold.

#include "log_items.h"

#include "base/view.h"
#include "disk/btree.h"
#include "disk/inode.h"
#include "inspect/decode.h"
#include "report.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

using inspect::Value;
using Role = LogItemPart::Role;
namespace field = disk::inode_item_field;

Value structure_value(std::string_view name, std::span<disk::Field const> fields,
                      ConstBytes bytes) {
  Value v = Value::group(name);
  inspect::decode_fields(v, fields, bytes);
  return v;
}

/// In the core of an inode seconds come first, in the order of the bytes.
Timestamp time_of(u64 number, bool bigtime) {
  constexpr u64 billion = 1'000'000'000;
  constexpr s64 bigtime_starts = -(s64{1} << 31);
  if (!bigtime) {
    return {static_cast<s32>(static_cast<u32>(number)), static_cast<u32>(number >> 32)};
  }
  return {static_cast<s64>(number / billion) + bigtime_starts, static_cast<u32>(number % billion)};
}

Value core_value(LogItemPart const& part) {
  bool const large = fits<disk::LogDinode>(part.bytes);
  bool const bigtime = large && (view_as<disk::LogDinode>(part.bytes).flags2.value() &
                                 disk::inode_flag2::bigtime) != 0;
  Value v = Value::group("core");
  for (disk::Field const& f : part.fields) {
    if (f.show == disk::Show::padding) continue;
    if (f.show == disk::Show::timestamp) {
      v.add(time_value(f.name, time_of(inspect::number_of(f, part.bytes), bigtime)));
    } else {
      v.add(inspect::decode_field(f, part.bytes));
    }
  }
  return v;
}

Value fork_value(std::string_view name, LogItemPart const& part, bool mappings, bool root) {
  Value v = Value::group(name);
  v.add(Value::words("format", mappings ? "extents" : root ? "btree" : "local"));
  v.add(Value::integer("bytes", part.bytes.size()));
  if (!mappings) return v;
  Value list = Value::list("mappings");
  for (std::size_t at = 0; at < part.bytes.size(); at += sizeof(disk::BmbtRecord)) {
    Value& mapping = list.add(Value::group({}));
    inspect::decode_bits(mapping, disk::bmbt_record_bits,
                         part.bytes.subspan(at, sizeof(disk::BmbtRecord)));
  }
  v.add(std::move(list));
  return v;
}

u32 inode_fields(LogItemPart const& format) {
  // The same place in both forms.
  return view_as<disk::InodeLogFormat32>(format.bytes).fields.value();
}

Value extents_value(LogItemPart const& part) {
  Value list = Value::list("extents");
  std::size_t const size = part.count == 0 ? 0 : part.bytes.size() / part.count;
  for (u32 i = 0; i < part.count; ++i) {
    list.add(structure_value({}, part.fields, part.bytes.subspan(i * size, size)));
  }
  return list;
}

Value runs_value(DecodedLogItem const& item) {
  Value list = Value::list("runs");
  for (LogItemPart const& part : item.parts) {
    if (part.role != Role::chunks) continue;
    Value& run = list.add(Value::group({}));
    run.add(Value::integer("offset", part.offset));
    run.add(Value::integer("bytes", part.bytes.size()));
  }
  return list;
}

/// A part that is neither the format nor one of several.
void add_part(Value& into, DecodedLogItem const& item, LogItemPart const& part) {
  u32 const fields = item.type == disk::LogItemType::inode ? inode_fields(item.parts.front()) : 0;
  switch (part.role) {
    case Role::extent:
      into.add(extents_value(part));
      break;
    case Role::core:
      into.add(core_value(part));
      break;
    case Role::dquot:
      into.add(structure_value("dquot", part.fields, part.bytes));
      break;
    case Role::data_fork:
      into.add(fork_value("data_fork", part, (fields & field::data_extents) != 0,
                          (fields & field::data_broot) != 0));
      break;
    case Role::attr_fork:
      into.add(fork_value("attr_fork", part, (fields & field::attr_extents) != 0,
                          (fields & field::attr_broot) != 0));
      break;
    case Role::name:
      into.add(Value::words("name", text_of(part.bytes)));
      break;
    case Role::new_name:
      into.add(Value::words("new_name", text_of(part.bytes)));
      break;
    case Role::format:
    case Role::bitmap:
    case Role::chunks:
    case Role::value:
    case Role::new_value:
      break;
  }
}

}  // namespace

Value lsn_value(std::string_view name, Lsn lsn) {
  Value v = Value::group(name);
  v.add(Value::integer("cycle", lsn.cycle()));
  v.add(Value::integer("block", lsn.block().raw()));
  return v;
}

Value log_item_value(DecodedLogItem const& item) {
  LogItemPart const& format = item.parts.front();
  Value v = Value::group({});
  v.add(Value::words("type", item.name));
  v.add(Value::words("structure", format.structure));
  v.add(structure_value("format", format.fields, format.bytes));
  for (LogItemPart const& part : item.parts) add_part(v, item, part);
  if (item.type == disk::LogItemType::buffer) v.add(runs_value(item));
  return v;
}

}  // namespace xfsx::inline v0::cli
