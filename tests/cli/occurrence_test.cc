// Each structure that this release declares, and each of its fields with a value that is not its
// default, lies in a shipped image: what no image holds has never been held against Linux. The test
// reads the bytes by the tables themselves, not by what the decoders make of them.

#include "base/view.h"
#include "cli/look.h"
#include "inspect/decode.h"
#include "inspect/registry.h"
#include "inspect/survey.h"
#include "inspect/unchecked.h"
#include "log/decode_item.h"
#include "log/find_head.h"
#include "support/field_path.h"
#include "support/images.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>
#include <set>

namespace {

using namespace xfsx;
using inspect::Inspection;
using inspect::Structure;
using inspect::Value;

/// Where a structure is found among the values of an inspection: at the place of one of its fields.
struct Anchor {
  std::string_view row;         ///< name in the registry
  u8 version;                   ///< of the filesystem; 0 for any
  std::string_view structures;  ///< alternatives of Inspection::structure
  std::string_view paths;       ///< alternatives, without the numbers of elements
  u16 offset = 0;               ///< of that field in the structure, bytes
};

constexpr std::string_view short_trees =
    "bnobt block,cntbt block,inobt block,finobt block,rmapbt block,refcountbt block";

constexpr Anchor anchors[] = {
    {"sb", 0, "sb", "magicnum"},
    {"agf", 0, "agf", "magicnum"},
    {"agi", 0, "agi", "magicnum"},
    {"agfl", 5, "agfl", "magicnum"},
    {"btree_short", 5, short_trees, "magic"},
    {"btree_short_v4", 4, short_trees, "magic"},
    {"btree_long", 5, "bmbt block,rtrmapbt block,rtrefcountbt block", "magic"},
    {"btree_long_v4", 4, "bmbt block", "magic"},
    {"bmdr", 0, "inode", "*.bmbt.level"},
    {"alloc_rec", 0, "bnobt block,cntbt block", "recs[].startblock,keys[].startblock"},
    {"inobt_rec", 0, "inobt block,finobt block", "recs[].startino"},
    {"inobt_key", 0, "inobt block,finobt block", "keys[].startino"},
    {"rmapbt_rec", 0, "rmapbt block", "recs[].startblock"},
    {"rmapbt_key", 0, "rmapbt block", "keys[].startblock"},
    {"refcbt_rec", 0, "refcountbt block", "recs[].cowflag"},
    {"refcbt_key", 0, "refcountbt block", "keys[].cowflag"},
    {"bmbt_rec", 0, "bmbt block,inode", "recs[].extentflag,*.bmx[].extentflag"},
    {"bmbt_key", 0, "bmbt block,inode", "keys[].startoff,*.bmbt.keys[].startoff"},
    {"inode", 5, "inode", "core.magic"},
    {"inode_v2", 4, "inode", "core.magic"},
    {"dir_sf_hdr", 0, "inode", "*.hdr.i8count", 1},
    {"dir_sf_entry", 0, "inode", "*.sfdir*.list[].namelen"},
    {"dir_data_hdr", 5, "directory block", "*hdr.hdr.magic"},
    {"dir_data_hdr_v4", 4, "directory block", "*hdr.hdr.magic,*hdr.magic"},
    {"dir_free_region", 0, "directory block", "*.bestfree[].offset"},
    {"dir_data_entry", 0, "directory block", "*u[].inumber"},
    {"dir_data_unused", 0, "directory block", "*u[].freetag"},
    {"dir_leaf_entry", 0, "directory block,directory leaf", "*[].hashval"},
    {"dir_block_tail", 0, "directory block", "btail.count"},
    {"da_blkinfo", 5, "index node,directory leaf,attribute leaf", "*.info.hdr.forw"},
    {"da_blkinfo_v4", 4, "index node,directory leaf,attribute leaf", "*.info.forw"},
    {"dir_leaf_hdr", 5, "directory leaf", "lhdr.count"},
    {"dir_leaf_hdr_v4", 4, "directory leaf", "lhdr.count"},
    {"dir_leaf_tail", 0, "directory leaf", "ltail.bestcount"},
    {"da_node_hdr", 5, "index node", "nhdr.count"},
    {"da_node_hdr_v4", 4, "index node", "nhdr.count"},
    {"da_node_entry", 0, "index node", "nbtree[].hashval"},
    {"dir_free_hdr", 5, "directory free index", "fhdr.hdr.magic"},
    {"dir_free_hdr_v4", 4, "directory free index", "fhdr.hdr.magic,fhdr.magic"},
    {"attr_sf", 0, "inode", "a.sfattr.hdr.totsize"},
    {"attr_sf_entry", 0, "inode", "a.sfattr.list[].namelen"},
    {"attr_leaf", 5, "attribute leaf", "hdr.info.hdr.forw"},
    {"attr_leaf_v4", 4, "attribute leaf", "hdr.info.forw"},
    {"attr_leaf_entry", 0, "attribute leaf", "entries[].hashval"},
    {"attr_local_name", 0, "attribute leaf", "nvlist[].valuelen"},
    {"attr_remote_name", 0, "attribute leaf", "nvlist[].valueblk"},
    {"attr_remote", 5, "attribute value", "hdr.magic"},
    {"parent_rec", 0, "attribute leaf,inode", "*.parent_dir.inumber"},
    {"symlink_hdr", 5, "symlink block", "magic"},
    {"dquot", 0, "dquot block", "dquots[].diskdq.magic"},
    {"dqblk", 5, "dquot block", "dquots[].uuid", 120},
    {"rtsb", 0, "rtsb", "magicnum"},
    {"rtbuf", 0, "rtbitmap block,rtsummary block", "magicnum"},
};

/// What Linux 6 does not write any more, or never has a reason to set; `field` is empty for the
/// whole structure. Unit tests hold the decoders of these against bytes that are made by hand.
struct Exception {
  std::string_view row;
  std::string_view fields;  ///< alternatives; empty for the whole structure
  std::string_view reason;
};

constexpr Exception exceptions[] = {
    {"log_inode32", "", "written by 32-bit kernels"},
    {"log_efi_extent32", "", "written by 32-bit kernels"},
    {"log_sxi", "", "written by kernels between the first patches and 6.10"},
    {"log_quotaoff", "", "not written since quota cannot be turned off while mounted"},
    {"sb", "features_compat,flags,shared_vn", "no bit of them is in use"},
    {"agi", "dirino", "not in use: all ones since ever"},
    {"inode", "dmevmask,dmstate", "Linux has no DMAPI any more"},
    {"inode_v2", "dmevmask,dmstate", "Linux has no DMAPI any more"},
    {"inode_v2", "onlink", "counts links of version 1 inodes, which Linux makes version 2"},
    {"log_core", "dmevmask,dmstate", "Linux has no DMAPI any more"},
    {"log_core_v2", "dmevmask,dmstate", "Linux has no DMAPI any more"},
    {"log_core_v2", "metatype", "version 4 has no metadata directory"},
    {"rtsb", "pad", "zero; xfs_db shows it"},
    {"log_core", "next_unlinked", "Linux logs it with the buffer of the inodes alone"},
    {"dquot", "bwarns,iwarns,rtbwarns", "Linux counts no warnings any more"},
    {"log_core", "crc", "Linux makes it when the inode goes home"},
    {"rmapbt_key", "extentflag,extentflag_hi", "keys leave it out"},
    {"dir_sf_hdr", "i8count", "takes a filesystem of terabytes: made by tests/large"},
};

class Census {
 public:
  /// One more structure of the kind lies here.
  void take(Structure const& row, ConstBytes bytes) {
    std::set<std::string_view>& seen = seen_[row.name];
    for (disk::Field const& field : row.fields) {
      if (field.show == disk::Show::padding || seen.contains(field.name)) continue;
      ConstBytes const all = bytes.subspan(field.offset, std::size_t{field.size} * field.count);
      if (is_set(all, inspect::has_null(field.show))) seen.insert(field.name);
    }
    for (disk::BitField const& field : row.bits) {
      if (field.show == disk::Show::padding || seen.contains(field.name)) continue;
      u64 const n = inspect::decode_bits_of({}, bytes, field.offset, field.width).number;
      if (n != 0) seen.insert(field.name);
    }
  }
  void take(std::string_view name, ConstBytes bytes) { take(row(name), bytes); }

  static Structure const& row(std::string_view name) {
    for (inspect::Family const& family : inspect::families()) {
      for (Structure const& s : family.structures) {
        if (s.name == name) return s;
      }
    }
    throw std::out_of_range(std::string(name));
  }

  [[nodiscard]] bool has(std::string_view name) const { return seen_.contains(name); }
  [[nodiscard]] bool has(std::string_view name, std::string_view field) const {
    auto const it = seen_.find(name);
    return it != seen_.end() && it->second.contains(field);
  }

 private:
  /// Neither zero nor, where that stands for nothing, all ones.
  static bool is_set(ConstBytes bytes, bool null_is_unset) {
    bool const zero = std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
    bool const ones = std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0xff}; });
    return !zero && !(null_is_unset && ones);
  }

  std::map<std::string_view, std::set<std::string_view>> seen_;
};

class Counter final : public inspect::StructureSink, private inspect::FieldSink {
 public:
  Counter(Census& census, u8 version) : census_(census), version_(version) {}

  Result<void> structure(std::string const&, Inspection const& found) override {
    found_ = &found;
    return inspect::for_each_field(found, *this);
  }
  Result<void> lost(std::string const&, Error const&) override { return success(); }

 private:
  Result<void> field(std::string const& path, Value const& value) override {
    std::string const plain = test::without_numbers(path);
    for (Anchor const& anchor : anchors) {
      if (anchor.version != 0 && anchor.version != version_) continue;
      if (!inspect::fits_one_of(anchor.structures, found_->structure)) continue;
      if (inspect::fits_one_of(anchor.paths, plain)) take(anchor, value);
    }
    return success();
  }

  void take(Anchor const& anchor, Value const& value) {
    Structure const& row = Census::row(anchor.row);
    // The same name may be that of a wider field in another structure.
    bool const fits = !row.bits.empty() || width_at(row, anchor.offset) == value.place.width;
    if (!fits) return;
    std::byte const* const first = found_->bytes.data() + anchor.offset;
    auto const at = static_cast<std::size_t>(value.place.byte - first);
    REQUIRE(at + row.size <= found_->bytes.size());
    census_.take(row, ConstBytes(found_->bytes).subspan(at, row.size));
  }

  /// Bits of the field at `offset`.
  static u32 width_at(Structure const& row, u16 offset) {
    return std::ranges::find(row.fields, offset, &disk::Field::offset)->size * 8U;
  }

  Census& census_;
  u8 version_;
  Inspection const* found_ = nullptr;
};

/// What transactions and records of a log are made of.
class LogCounter final : public LogSink {
 public:
  explicit LogCounter(Census& census) : census_(census) {}

  Result<void> unmounted(LogRecord const&) override { return success(); }
  Result<void> committed(LogTransaction& transaction) override {
    census_.take("log_trans", transaction.header);
    for (LogItemRegions& item : transaction.items) {
      Result<DecodedLogItem> const decoded = decode_log_item(transaction, item);
      if (!decoded) continue;
      for (LogItemPart const& part : decoded.value().parts) take(part);
    }
    return success();
  }
  Result<void> abandoned(LogTransaction&) override { return success(); }

  void record(LogRecord const& record) {
    census_.take("log_record", bytes_of(record.header));
    std::size_t at = 0;
    for (u32 i = 0; i < record.header.num_logops.value(); ++i) {
      auto const& op = view_as<disk::LogOpHeader>(record.data, at);
      census_.take("log_op", bytes_of(op));
      at += sizeof(op);
      if ((op.flags & disk::log_op::unmount) != 0) {
        census_.take("log_unmount", record.data.subspan(at, sizeof(disk::UnmountRecord)));
      }
      at += op.len.value();
    }
  }

 private:
  void take(LogItemPart const& part) {
    if (part.fields.empty()) return;
    Structure const& row = Census::row(part.structure);
    for (u32 i = 0; i < part.count; ++i) {
      census_.take(row, part.bytes.subspan(i * row.size, row.size));
    }
  }

  Census& census_;
};

void count_log(Census& census, Geometry const& geometry, BlockDevice& device) {
  LogPlace const place = place_log(geometry, device, nullptr).value();
  LogState const state = find_log_head(place.device, place.log).value();
  LogWalk walk(place.device, place.log, state, LogWalk::From::oldest);
  LogCounter counter(census);
  LogAssembler assembler(counter);
  LogReader reader(place.device, place.log);
  while (std::optional<LogRecord> const record = walk.next().value()) {
    // History may be cut anywhere.
    if (!assembler.feed(*record) && !record->pending) continue;
    counter.record(*record);
    for (u32 i = 1; i < record->header_blocks; ++i) {
      census.take("log_record_ext", reader.read(reader.wrap(u64{record->block} + i), 1).value());
    }
  }
  assembler.finish().value();
}

Census census_of_images() {
  Census census;
  for (std::string const& name : test::readable_images()) {
    cli::Devices devices;
    devices.data = test::image(name);
    devices.realtime = test::realtime_device(name);
    Geometry const geometry = cli::read_geometry(*devices.data, cli::Strictness::whole).value();
    cli::DeviceSource source(devices);
    Counter counter(census, geometry.version().self_describing ? 5 : 4);
    inspect::survey(geometry, source, counter).value();
    if (geometry.has_internal_log()) count_log(census, geometry, *devices.data);
  }
  return census;
}

Exception const* exception_of(std::string_view row, std::string_view field) {
  for (Exception const& e : exceptions) {
    bool const fits = e.fields.empty() || (!field.empty() && inspect::fits_one_of(e.fields, field));
    if (e.row == row && fits) return &e;
  }
  return nullptr;
}

TEST_CASE("every structure and field occurs in an image") {
  Census const census = census_of_images();
  for (inspect::Family const& family : inspect::families()) {
    for (Structure const& row : family.structures) {
      if (!census.has(row.name)) {
        CHECK_MESSAGE(exception_of(row.name, {}) != nullptr, row.name << " is in no image");
        continue;
      }
      auto const check = [&](std::string_view field, disk::Show show) {
        if (show == disk::Show::padding) return;
        bool const excepted = exception_of(row.name, field) != nullptr;
        bool const has = census.has(row.name, field);
        CHECK_MESSAGE((has || excepted), row.name << "." << field << " is never set");
        CHECK_MESSAGE(!(has && excepted), row.name << "." << field << " is set, and excepted");
      };
      for (disk::Field const& field : row.fields) check(field.name, field.show);
      for (disk::BitField const& field : row.bits) check(field.name, field.show);
    }
  }
}

}  // namespace
