// Inodes: core, the fields behind it, and the forks. The names and the groups are those of xfs_db:
// `core` for what all versions have, `v3` for the rest, flags spread into one field a bit, the
// extent counters named after the fork that they count whichever place they lie in.

#include "disk/inode.h"
#include "base/view.h"
#include "disk/btree.h"
#include "format/inode_view.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <fmt/format.h>

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

using disk::Dinode;
using disk::DinodeV2;
using disk::Field;
using disk::ForkFormat;

// Up to here all versions are alike, but for the large extent counter.
constexpr u32 core_end = offsetof(Dinode, next_unlinked);
static_assert(core_end == offsetof(DinodeV2, next_unlinked));
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
    {"reflink", 1}, {"cowextsz", 2}, {"dax", 0}, {"bigtime", 3}, {"nrext64", 4}, {"metadata", 5},
};

constexpr std::string_view meta_types[disk::meta_type_end] = {
    "unknown",  "dir",       "usrquota", "grpquota",  "prjquota",
    "rtbitmap", "rtsummary", "rtrmap",   "rtrefcount"};

/// `word`: the field with the flags.
void add_flags(Value& group, std::span<FlagName const> names, ConstBytes word) {
  auto const bits = static_cast<u32>(word.size()) * 8;
  for (FlagName const& f : names) {
    group.add(decode_bits_of(f.name, word, bits - 1 - f.bit, 1));
  }
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
      return "meta_btree";
  }
  return "unknown";
}

/// Seconds and nanoseconds lie in a half each, or both in one count of nanoseconds.
Value decode_time(Field const& field, ConstBytes inode, bool bigtime) {
  constexpr u64 nanos = 1'000'000'000;
  u64 const raw = number_of(field, inode);
  s64 const seconds =
      bigtime ? static_cast<s64>(raw / nanos) + bigtime_epoch : s64{static_cast<s32>(raw >> 32)};
  u64 const nsec = bigtime ? raw % nanos : raw & 0xffffffffU;
  Value group = Value::group(field.name);
  ConstBytes const bytes = inode.subspan(field.offset, field.size);
  group.lies_in(bytes);
  group.add(Value::signed_integer("sec", seconds)).lies_in(bytes, 0, 32).spelling =
      calendar(seconds);
  group.add(Value::integer("nsec", nsec)).lies_in(bytes, 32, 32);
  if (bigtime) {
    for (Value& half : group.items) half.place.form = Place::Form::part;
  }
  return group;
}

/// The name under which the field is shown; empty if it is not.
std::string_view shown_name(Field const& field, InodeView const& inode) {
  if (field.show == disk::Show::padding) return {};
  if (!inode.is_v3()) {
    if (inode.core().version != 1) return field.name;
    // Version 1 counts links where later ones keep a zero, and knows no projects.
    if (field.offset == offsetof(DinodeV2, onlink)) return "nlinkv1";
    bool const later = field.offset >= offsetof(DinodeV2, nlinkv2) &&
                       field.offset <= offsetof(DinodeV2, projid_hi);
    return later ? std::string_view() : field.name;
  }
  bool const large_counts = inode.is_nrext64();
  switch (field.offset) {
    case offsetof(Dinode, metatype):
      return inode.is_metadata() ? "metatype" : "onlink";
    case offsetof(Dinode, nrext64_nextents):
      return large_counts ? "nextents" : "";
    case offsetof(Dinode, nextents):
      return large_counts ? "naextents" : "nextents";
    case offsetof(Dinode, naextents):
      return large_counts ? "" : "naextents";
    default:
      return field.name;
  }
}

Value decode_core_field(Field const& field, InodeView const& inode) {
  ConstBytes const bytes = inode.bytes();
  if (field.show == disk::Show::timestamp) {
    return decode_time(field, bytes, inode.is_bigtime());
  }
  bool const v3_metadata = inode.is_metadata();
  Value v = decode_field(field, bytes);
  if (field.offset == offsetof(Dinode, mode)) {
    spell_octal(v);
  } else if (field.offset == offsetof(Dinode, format) ||
             field.offset == offsetof(Dinode, aformat)) {
    spell_with(v, format_name(static_cast<u8>(v.number)));
  } else if (field.offset == offsetof(Dinode, metatype) && v3_metadata) {
    spell_with(v, v.number < disk::meta_type_end ? meta_types[v.number] : meta_types[0]);
  }
  return v;
}

std::span<Field const> fields_of(InodeView const& inode) {
  if (inode.is_v3()) return disk::Layout<Dinode>::fields;
  return disk::Layout<DinodeV2>::fields;
}

void decode_core(Value& root, InodeView const& inode) {
  Value core = Value::group("core");
  Value v3 = Value::group("v3");
  for (Field const& field : fields_of(inode)) {
    std::string_view const name = shown_name(field, inode);
    if (name.empty()) continue;
    Value v = decode_core_field(field, inode);
    v.name = name;
    if (field.offset == core_end) {
      root.add(std::move(core));
      root.add(std::move(v));
    } else {
      (field.offset < core_end ? core : v3).add(std::move(v));
      if (field.offset == offsetof(Dinode, flags)) {
        add_flags(core, core_flags, bytes_of(inode.core().flags));
      }
    }
  }
  if (!inode.is_v3()) return;
  add_flags(v3, v3_flags, bytes_of(inode.core().flags2));
  root.add(std::move(v3));
}

Value decode_device(ConstBytes fork) {
  Value v = decode_bits_of("dev", fork.first(sizeof(be32)));
  return spell_hex(v);
}

/// The mappings of a fork, or the device number in their place.
void decode_mapped(Value& into, u8 format, u64 count, ConstBytes fork) {
  switch (static_cast<ForkFormat>(format)) {
    case ForkFormat::extents: {
      u64 const n = std::min<u64>(count, fork.size() / sizeof(disk::BmbtRecord));
      if (n != 0) into.add(decode_records<disk::BmbtRecord>("bmx", fork, static_cast<u32>(n), 0));
      break;
    }
    case ForkFormat::btree:
      if (fits<disk::BmdrBlock>(fork)) into.add(decode_mapping_root(fork));
      break;
    case ForkFormat::dev:
      if (fits<be32>(fork)) into.add(decode_device(fork));
      break;
    default:
      break;
  }
}

/// The data of a fork whose format is local. What they are depends on the kind of the file.
void decode_local(Value& into, InodeView const& inode, ConstBytes fork, Geometry const& geometry) {
  ConstBytes const used = fork.first(std::min<u64>(inode.size(), fork.size()));
  if (inode.is_symlink()) into.add(quoted_text("symlink", text_of(used)));
  if (inode.is_directory()) into.add(decode_short_directory(used, geometry));
}

Value decode_data_fork(InodeView const& inode, ConstBytes fork, Geometry const& geometry) {
  Value into = Value::group(inode.is_v3() ? "u3" : "u");
  u8 const format = inode.core().format;
  if (static_cast<ForkFormat>(format) == ForkFormat::local) {
    decode_local(into, inode, fork, geometry);
  } else if (static_cast<ForkFormat>(format) == ForkFormat::meta_btree) {
    decode_realtime_root(into, inode.core().metatype.value(), fork);
  } else {
    decode_mapped(into, format, inode.nextents(), fork);
  }
  return into;
}

Value decode_attr_fork(InodeView const& inode, ConstBytes fork) {
  Value into = Value::group("a");
  u8 const format = inode.core().aformat;
  if (static_cast<ForkFormat>(format) == ForkFormat::local) {
    into.add(decode_short_attributes(fork));
  } else {
    decode_mapped(into, format, inode.anextents(), fork);
  }
  return into;
}

}  // namespace

Value decode_inode(ConstBytes bytes, Geometry const& geometry) {
  Value root = Value::group({});
  InodeView const inode(bytes);
  decode_core(root, inode);
  ConstBytes const literal = inode.literal();
  // A number of the inode alone, which no verifier has seen.
  std::size_t const split = std::min<std::size_t>(
      literal.size(), inode.has_attr_fork() ? inode.data_fork_size() : literal.size());
  root.add(decode_data_fork(inode, literal.first(split), geometry));
  if (inode.has_attr_fork()) root.add(decode_attr_fork(inode, literal.subspan(split)));
  return root;
}

}  // namespace xfsx::inline v0::inspect
