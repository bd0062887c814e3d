#include "recovery/finish.h"

#include "log/log_reader.h"

namespace xfsx::inline v0 {

namespace {

struct NameOfWork {
  std::string_view operator()(FreeIntent const&) const {
    return disk::Layout<disk::FreeExtentLog>::name;
  }
  std::string_view operator()(RmapIntent const&) const {
    return disk::Layout<disk::MapExtentLog>::name;
  }
  std::string_view operator()(RefcountIntent const&) const {
    return disk::Layout<disk::CountExtentLog>::name;
  }
  std::string_view operator()(BmapIntent const&) const {
    return disk::Layout<disk::MapExtentLog>::name;
  }
  std::string_view operator()(AttrIntent const&) const {
    return disk::Layout<disk::AttriLogFormat>::name;
  }
  std::string_view operator()(ExchangeIntent const& work) const {
    return work.has_generations ? disk::Layout<disk::XmiLogFormat>::name
                                : disk::Layout<disk::SxiLogFormat>::name;
  }
};

/// The field in which an intent names this inode.
std::string_view inode_field(Intent const& intent, InodeNumber number) {
  if (std::holds_alternative<BmapIntent>(intent.work)) return "owner";
  auto const* const exchange = std::get_if<ExchangeIntent>(&intent.work);
  if (exchange == nullptr) return "ino";
  return number == exchange->inode1 ? "inode1" : "inode2";
}

/// Extents of an intent that lists any begin with these names.
std::string_view start_field(Intent const& intent) {
  return std::holds_alternative<FreeIntent>(intent.work) ? "start" : "startblock";
}

}  // namespace

std::string_view structure_of(Intent const& intent) {
  return std::visit(NameOfWork{}, intent.work);
}

Error bad_intent(Intent const& intent, WrongField const& wrong, std::source_location raised) {
  Error e = located(Errc::bad_value, structure_of(intent), log_location(intent.block), raised);
  e.field = wrong.field;
  e.relation = wrong.relation;
  e.found.number = wrong.found;
  e.expected.number = wrong.expected;
  e.reason = wrong.reason;
  return with_operation(e, intent.operation);
}

Error about(Intent const& intent, Error e) {
  if (e.address_kind != AddressKind::none) return e;
  e.address_kind = AddressKind::log_block;
  e.address = intent.block;
  return with_operation(with_structure(e, structure_of(intent)), intent.operation);
}

Result<void> check_blocks(Geometry const& geometry, Intent const& intent, FsBlock start, u64 length,
                          bool realtime) {
  BlockCount const count(length);
  bool const there = realtime
                         ? geometry.has_realtime() && geometry.realtime().valid(start, count)
                         : geometry.valid(start, count) && !geometry.overlaps_log(start, count);
  if (there) return success();
  u64 const end = realtime ? geometry.realtime().blocks : geometry.data_blocks();
  return bad_intent(intent, {start_field(intent), start.raw(), end, Relation::none,
                             "these blocks cannot be a file's, or not all of them"});
}

Result<void> check_file_range(Intent const& intent, FileBlock offset, u64 length) {
  constexpr u64 end = u64{1} << mapping_offset_bits;
  if (length != 0 && offset.raw() < end && length <= end - offset.raw()) return success();
  return bad_intent(intent, {"startoff", offset.raw(), end, Relation::below});
}

Result<Inode> load_inode_of(Volume& volume, Intent const& intent, InodeNumber number) {
  std::string_view const field = inode_field(intent, number);
  if (!volume.geometry().valid(number)) {
    return bad_intent(intent, {field, number.raw(), volume.geometry().ag_count(), Relation::none,
                               "no inode can have this number"});
  }
  Result<Inode> inode = load_inode(volume, number);
  if (inode || inode.error().code != Errc::refused) return inode;
  return bad_intent(intent, {field, number.raw(), 0, Relation::none, "the inode is not in use"});
}

MapChange rmap_change(u32 what, InodeNumber owner, ForkKind kind, Mapping const& mapping) {
  u32 const fork = kind == ForkKind::attr ? disk::rmap_intent::attr_fork : 0;
  u32 const state = mapping.unwritten ? disk::rmap_intent::unwritten : 0;
  return {owner.raw(), mapping.start, mapping.offset, static_cast<u32>(mapping.length.raw()),
          what | fork | state};
}

}  // namespace xfsx::inline v0
