#include "inode/fork.h"

#include <algorithm>

namespace xfsx::inline v0 {

ConstBytes fork_bytes(InodeView const& inode, ForkKind kind) {
  ConstBytes const literal = inode.literal();
  if (kind == ForkKind::data) return literal.first(inode.data_fork_size());
  return literal.last(inode.attr_fork_size());
}

disk::ForkFormat fork_format(InodeView const& inode, ForkKind kind) {
  if (kind == ForkKind::data) return static_cast<disk::ForkFormat>(inode.core().format);
  if (!inode.has_attr_fork()) return disk::ForkFormat::extents;
  return static_cast<disk::ForkFormat>(inode.core().aformat);
}

u64 fork_mapping_count(InodeView const& inode, ForkKind kind) {
  return kind == ForkKind::data ? inode.nextents() : inode.anextents();
}

MappingRules mapping_rules(Geometry const& geometry, InodeView const& inode, ForkKind kind,
                           Location const& where, std::string_view structure) {
  return {geometry, kind == ForkKind::data && inode.is_realtime(), where, structure};
}

Result<void> check_mapping(Mapping const& m, FileBlock least, MappingRules const& rules) {
  auto const bad = [&](std::string_view field, u64 found, u64 expected, Relation relation) {
    Error e = located(Errc::bad_value, rules.structure, rules.where);
    e.field = field;
    e.found.number = found;
    e.expected.number = expected;
    e.relation = relation;
    return e;
  };
  constexpr u64 offset_end = u64{1} << mapping_offset_bits;
  if (m.length.raw() == 0) return bad("blockcount", 0, 1, Relation::at_least);
  if (m.offset < least) {
    return bad("startoff", m.offset.raw(), least.raw(), Relation::at_least);
  }
  if (m.end().raw() > offset_end) {
    return bad("startoff", m.offset.raw(), offset_end - m.length.raw(), Relation::at_most);
  }
  // Start and length are at most 52 and 21 bits wide: their sum never wraps.
  RealtimeShape const& realtime = rules.geometry.realtime();
  if (rules.realtime && !realtime.valid(m.start, m.length)) {
    return bad("startblock", m.start.raw(), realtime.blocks, Relation::below);
  }
  if (!rules.realtime && !rules.geometry.valid(m.start, m.length)) {
    return bad("startblock", m.start.raw(), rules.geometry.data_blocks(), Relation::below);
  }
  if (!rules.realtime && rules.geometry.overlaps_log(m.start, m.length)) {
    Error e = bad("startblock", m.start.raw(), 0, Relation::none);
    e.reason = "the mapping lies over the log";
    return e;
  }
  return success();
}

Result<void> decode_mappings(std::span<disk::BmbtRecord const> records, FileBlock least,
                             MappingRules const& rules, std::vector<Mapping>& out) {
  for (disk::BmbtRecord const& record : records) {
    Mapping const m = decode_mapping(record);
    XFSX_TRYV(check_mapping(m, least, rules));
    least = m.end();
    out.push_back(m);
  }
  return success();
}

void encode_mappings(std::span<Mapping const> mappings, Bytes fork) {
  std::span<disk::BmbtRecord> const records =
      edit_array<disk::BmbtRecord>(fork, 0, mappings.size());
  std::ranges::transform(mappings, records.begin(), encode_mapping);
  std::ranges::fill(fork.subspan(mappings.size() * sizeof(disk::BmbtRecord)), std::byte{0});
}

}  // namespace xfsx::inline v0
