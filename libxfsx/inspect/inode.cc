// Inodes: core, the fields behind it, and the forks. The names and the groups are those of xfs_db:
// `core` for what all versions have, `v3` for the rest, flags spread into one field a bit, the
// extent counters named after the fork that they count whichever place they lie in.

#include "disk/inode.h"
#include "base/view.h"
#include "disk/btree.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>

namespace xfsx::inline v0::inspect {

namespace {

using disk::Dinode;
using disk::Field;
using disk::ForkFormat;

constexpr u32 core_end = offsetof(Dinode, next_unlinked);
constexpr s64 bigtime_epoch = -(s64{1} << 31);  // seconds; where bigtime counts from

struct FlagName {
  std::string_view name;
  u32 bit;
};

constexpr FlagName core_flags[] = {
    {"newrtbm", 2},     {"prealloc", 1}, {"realtime", 0},      {"immutable", 3}, {"append", 4},
    {"sync", 5},        {"noatime", 6},  {"nodump", 7},        {"rtinherit", 8}, {"projinherit", 9},
    {"nosymlinks", 10}, {"extsz", 11},   {"extszinherit", 12}, {"nodefrag", 13}, {"filestream", 14},
};
constexpr FlagName v3_flags[] = {
    {"reflink", 1}, {"cowextsz", 2}, {"dax", 0}, {"bigtime", 3}, {"nrext64", 4},
};

void add_flags(Value& group, std::span<FlagName const> names, u64 word) {
  for (FlagName const& f : names) group.add(Value::integer(f.name, (word >> f.bit) & 1U));
}

std::string_view format_name(u8 format) {
  switch (static_cast<ForkFormat>(format)) {
    case ForkFormat::dev:
      return "dev";
    case ForkFormat::local:
      return "local";
    case ForkFormat::extents:
      return "extents";
    case ForkFormat::btree:
      return "btree";
    case ForkFormat::uuid:
      return "uuid";
    case ForkFormat::meta_btree:
      return "metabt";
  }
  return "unknown";
}

/// Seconds as ctime writes them, always in UTC.
std::string calendar(s64 seconds) {
  std::time_t const t = seconds;
  std::tm parts{};
  if (gmtime_r(&t, &parts) == nullptr) return std::to_string(seconds);
  std::array<char, 64> buffer{};
  std::size_t const n = std::strftime(buffer.data(), buffer.size(), "%a %b %e %H:%M:%S %Y", &parts);
  return {buffer.data(), n};
}

Value decode_time(std::string_view name, u64 raw, bool bigtime) {
  constexpr u64 nanos = 1'000'000'000;
  s64 const seconds =
      bigtime ? static_cast<s64>(raw / nanos) + bigtime_epoch : s64{static_cast<s32>(raw >> 32)};
  u64 const nsec = bigtime ? raw % nanos : raw & 0xffffffffU;
  Value group = Value::group(name);
  group.add(Value::signed_integer("sec", seconds)).spelling = calendar(seconds);
  group.add(Value::integer("nsec", nsec));
  return group;
}

/// The name under which the field is shown; empty if it is not.
std::string_view shown_name(Field const& field, Dinode const& inode, bool large_counts) {
  switch (field.offset) {
    case offsetof(Dinode, metatype):
      return (inode.flags2.value() & disk::inode_flag2::metadata) != 0 ? "metatype" : "onlink";
    case offsetof(Dinode, nrext64_nextents):
      return large_counts ? "nextents" : "";
    case offsetof(Dinode, nextents):
      return large_counts ? "naextents" : "nextents";
    case offsetof(Dinode, naextents):
      return large_counts ? "" : "naextents";
    default:
      return field.show == disk::Show::padding ? "" : field.name;
  }
}

Value decode_core_field(Field const& field, ConstBytes bytes, bool bigtime) {
  if (field.show == disk::Show::timestamp) {
    return decode_time(field.name, number_of(field, bytes), bigtime);
  }
  Value v = decode_field(field, bytes);
  if (field.offset == offsetof(Dinode, mode)) {
    spell_octal(v);
  } else if (field.offset == offsetof(Dinode, format) ||
             field.offset == offsetof(Dinode, aformat)) {
    spell_with(v, format_name(static_cast<u8>(v.number)));
  }
  return v;
}

void decode_core(Value& root, ConstBytes bytes) {
  Dinode const& inode = view_as<Dinode>(bytes);
  u64 const flags2 = inode.flags2.value();
  bool const bigtime = (flags2 & disk::inode_flag2::bigtime) != 0;
  bool const large_counts = (flags2 & disk::inode_flag2::nrext64) != 0;
  Value core = Value::group("core");
  Value v3 = Value::group("v3");
  for (Field const& field : disk::Layout<Dinode>::fields) {
    std::string_view const name = shown_name(field, inode, large_counts);
    if (name.empty()) continue;
    Value v = decode_core_field(field, bytes, bigtime);
    v.name = name;
    if (field.offset == core_end) {
      root.add(std::move(core));
      root.add(std::move(v));
    } else {
      (field.offset < core_end ? core : v3).add(std::move(v));
      if (field.offset == offsetof(Dinode, flags)) {
        add_flags(core, core_flags, inode.flags.value());
      }
    }
  }
  add_flags(v3, v3_flags, flags2);
  root.add(std::move(v3));
}

/// A btree root inside a fork: the pointers start behind room for as many keys as fit.
Value decode_root(ConstBytes fork) {
  Value tree = Value::group("bmbt");
  decode_fields(tree, disk::Layout<disk::BmdrBlock>::fields, fork);
  std::size_t const room =
      (fork.size() - sizeof(disk::BmdrBlock)) / (sizeof(disk::BmbtKey) + sizeof(be64));
  auto const records =
      static_cast<u16>(std::min<std::size_t>(view_as<disk::BmdrBlock>(fork).numrecs.value(), room));
  Value keys = Value::list("keys", Value::Layout::table, 1);
  Value pointers = Value::list("ptrs", Value::Layout::row, 1);
  std::size_t const pointers_at = sizeof(disk::BmdrBlock) + room * sizeof(disk::BmbtKey);
  for (u16 i = 0; i < records; ++i) {
    ConstBytes const key = fork.subspan(sizeof(disk::BmdrBlock) + i * sizeof(disk::BmbtKey));
    decode_fields(keys.add(Value::group({})), disk::Layout<disk::BmbtKey>::fields, key);
    disk::Field const pointer{"ptr",
                              static_cast<u16>(pointers_at + i * sizeof(be64)),
                              sizeof(be64),
                              1,
                              disk::Order::big,
                              disk::Show::fsblock,
                              {}};
    pointers.add(decode_field(pointer, fork));
  }
  tree.add(std::move(keys));
  tree.add(std::move(pointers));
  return tree;
}

Value decode_device(ConstBytes fork) {
  Value v = Value::integer("dev", view_as<be32>(fork).value());
  return spell_hex(v);
}

/// The mappings of a fork, or the device number in their place.
void decode_mapped(Value& into, u8 format, u64 count, ConstBytes fork) {
  switch (static_cast<ForkFormat>(format)) {
    case ForkFormat::extents: {
      u64 const n = std::min<u64>(count, fork.size() / sizeof(disk::BmbtRecord));
      if (n != 0) into.add(decode_mappings("bmx", fork, static_cast<u32>(n), 0));
      break;
    }
    case ForkFormat::btree:
      if (fits<disk::BmdrBlock>(fork)) into.add(decode_root(fork));
      break;
    case ForkFormat::dev:
      if (fits<be32>(fork)) into.add(decode_device(fork));
      break;
    default:
      break;
  }
}

/// The data of a fork whose format is local. What they are depends on the kind of the file.
void decode_local(Value& into, u16 mode, u64 size, ConstBytes fork) {
  ConstBytes const used = fork.first(std::min<u64>(size, fork.size()));
  if (S_ISLNK(mode)) into.add(quoted_text("symlink", text_of(used)));
  if (S_ISDIR(mode)) into.add(decode_short_directory(used));
}

Value decode_data_fork(Dinode const& inode, u64 count, ConstBytes fork) {
  Value into = Value::group("u3");
  if (static_cast<ForkFormat>(inode.format) == ForkFormat::local) {
    decode_local(into, inode.mode.value(), inode.size.value(), fork);
  } else {
    decode_mapped(into, inode.format, count, fork);
  }
  return into;
}

Value decode_attr_fork(Dinode const& inode, u64 count, ConstBytes fork) {
  Value into = Value::group("a");
  if (static_cast<ForkFormat>(inode.aformat) == ForkFormat::local) {
    into.add(decode_short_attributes(fork));
  } else {
    decode_mapped(into, inode.aformat, count, fork);
  }
  return into;
}

}  // namespace

Value decode_mappings(std::string_view name, ConstBytes records, u32 count, u32 first) {
  Value list = Value::list(name, Value::Layout::table, first);
  list.items.reserve(count);
  for (u32 i = 0; i < count; ++i) {
    Value& mapping = list.add(Value::group({}));
    decode_bits(mapping, disk::bmbt_record_bits,
                records.subspan(i * sizeof(disk::BmbtRecord), sizeof(disk::BmbtRecord)));
    // The flag is the first bit of the record and the last word that people read.
    std::ranges::rotate(mapping.items, mapping.items.begin() + 1);
  }
  return list;
}

Value decode_inode(ConstBytes bytes, Geometry const&) {
  Value root = Value::group({});
  decode_core(root, bytes);
  Dinode const& inode = view_as<Dinode>(bytes);
  ConstBytes const literal = bytes.subspan(sizeof(Dinode));
  bool const large_counts = (inode.flags2.value() & disk::inode_flag2::nrext64) != 0;
  u64 const data_count = large_counts ? inode.nrext64_nextents.value() : inode.nextents.value();
  u64 const attr_count = large_counts ? inode.nextents.value() : inode.naextents.value();
  std::size_t const split =
      inode.forkoff == 0 ? literal.size()
                         : std::min<std::size_t>(literal.size(), std::size_t{inode.forkoff} * 8);
  root.add(decode_data_fork(inode, data_count, literal.first(split)));
  if (inode.forkoff != 0) root.add(decode_attr_fork(inode, attr_count, literal.subspan(split)));
  return root;
}

}  // namespace xfsx::inline v0::inspect
