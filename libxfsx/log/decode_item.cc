#include "log/decode_item.h"

#include "disk/btree.h"
#include "disk/inode.h"
#include "log/byte_order.h"
#include "log/items.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::LogItemType;
using Role = LogItemPart::Role;
namespace field = disk::inode_item_field;

struct TypeRow {
  LogItemType type;
  std::string_view name;
  LogItemType done{};  ///< of an intent
};

constexpr TypeRow types[] = {
    {LogItemType::efi, "EFI", LogItemType::efd},
    {LogItemType::efd, "EFD"},
    {LogItemType::inode, "inode"},
    {LogItemType::buffer, "buffer"},
    {LogItemType::dquot, "dquot"},
    {LogItemType::quotaoff, "quotaoff"},
    {LogItemType::icreate, "icreate"},
    {LogItemType::rui, "RUI", LogItemType::rud},
    {LogItemType::rud, "RUD"},
    {LogItemType::cui, "CUI", LogItemType::cud},
    {LogItemType::cud, "CUD"},
    {LogItemType::bui, "BUI", LogItemType::bud},
    {LogItemType::bud, "BUD"},
    {LogItemType::attri, "ATTRI", LogItemType::attrd},
    {LogItemType::attrd, "ATTRD"},
    {LogItemType::xmi, "XMI", LogItemType::xmd},
    {LogItemType::xmd, "XMD"},
    {LogItemType::efi_rt, "EFI_RT", LogItemType::efd_rt},
    {LogItemType::efd_rt, "EFD_RT"},
    {LogItemType::rui_rt, "RUI_RT", LogItemType::rud_rt},
    {LogItemType::rud_rt, "RUD_RT"},
    {LogItemType::cui_rt, "CUI_RT", LogItemType::cud_rt},
    {LogItemType::cud_rt, "CUD_RT"},
};

TypeRow const* row_of(u16 type) {
  TypeRow const* row =
      std::ranges::find(types, type, [](TypeRow const& r) { return static_cast<u16>(r.type); });
  return row == std::ranges::end(types) ? nullptr : row;
}

constexpr u32 max_buffer_map = log_max_chunks / 32 + 1;  // words; Linux keeps one to spare
constexpr u32 min_root = 24;  // bytes of the header of a mapping btree's block without checksum
constexpr u32 max_attr_name = 255;
constexpr u32 max_attr_value = 65536;

class Decoder {
 public:
  Decoder(LogTransaction& transaction, LogItemRegions const& item)
      : transaction_(transaction),
        item_(item),
        regions_(transaction.regions_of(item)),
        turn_(transaction.other_order && !item.turned) {}

  Result<DecodedLogItem> run();
  /// The region that was looked at last.
  [[nodiscard]] LogRegion const& here() const { return regions_[at_]; }

 private:
  template <class T>
  [[nodiscard]] CheckedView<T> checked(T const& structure) const {
    return {structure, log_location(here().block)};
  }
  [[nodiscard]] Bytes bytes(std::size_t region) {
    at_ = region;
    return Bytes(transaction_.bytes).subspan(here().offset, here().size);
  }
  template <class T>
  Result<T const*> take(Bytes from, Role role, std::size_t offset = 0);
  template <class T>
  Result<void> take_all(Bytes from, Role role, u32 count);
  void add_bytes(Role role, ConstBytes from, u32 offset = 0) {
    decoded_.parts.push_back({role, {}, {}, from, 1, offset});
  }
  [[nodiscard]] Result<void> long_enough(u64 bytes) const;
  [[nodiscard]] Result<void> exactly(u64 bytes) const;
  [[nodiscard]] Result<void> told_length(u64 found, u64 expected, Relation relation) const;

  Result<void> dispatch();
  Result<void> buffer();
  Result<void> chunks(disk::BufferLogFormat const& format, std::span<le32 const> map);
  Result<void> inode();
  template <class Format>
  Result<void> inode_regions(Format const& format);
  Result<void> core();
  Result<void> fork(Role role, u32 size, bool mappings, bool root);
  Result<void> free_extents();
  template <class T>
  Result<void> extents(u32 most);
  Result<void> attri();
  Result<void> attri_regions(disk::AttriLogFormat const& format);
  Result<void> padded(std::size_t region, Role role, u32 size);
  Result<void> exchange();
  Result<void> dquot();
  template <class T>
  Result<void> single();

  LogTransaction& transaction_;
  LogItemRegions const& item_;
  std::span<LogRegion const> regions_;
  bool turn_;
  std::size_t at_ = 0;
  DecodedLogItem decoded_;
};

/// The length of a region stands in the header of its operation.
Result<void> Decoder::told_length(u64 found, u64 expected, Relation relation) const {
  Error e =
      located(Errc::bad_value, disk::Layout<disk::LogOpHeader>::name, log_location(here().block));
  e.field = "len";
  e.relation = relation;
  e.found.number = found;
  e.expected.number = expected;
  return e;
}

Result<void> Decoder::long_enough(u64 bytes) const {
  if (here().size >= bytes) return success();
  return told_length(here().size, bytes, Relation::at_least);
}

Result<void> Decoder::exactly(u64 bytes) const {
  if (here().size == bytes) return success();
  return told_length(here().size, bytes, Relation::equal);
}

/// A structure in a region, in our byte order, which becomes a part of the item.
template <class T>
Result<T const*> Decoder::take(Bytes from, Role role, std::size_t offset) {
  XFSX_TRYV(long_enough(offset + sizeof(T)));
  if (turn_) turn_fields(disk::Layout<T>::fields, from.subspan(offset));
  T const& structure = view_as<T>(from, offset);
  decoded_.parts.push_back({role, disk::Layout<T>::name, disk::Layout<T>::fields,
                            from.subspan(offset, sizeof(T)), 1, 0});
  return &structure;
}

/// `count` structures at the end of the region.
template <class T>
Result<void> Decoder::take_all(Bytes from, Role role, u32 count) {
  std::size_t const length = std::size_t{count} * sizeof(T);
  Bytes const array = from.last(length);
  for (std::size_t at = 0; turn_ && at < length; at += sizeof(T)) {
    turn_fields(disk::Layout<T>::fields, array.subspan(at, sizeof(T)));
  }
  decoded_.parts.push_back({role, disk::Layout<T>::name, disk::Layout<T>::fields, array, count, 0});
  return success();
}

Result<void> Decoder::chunks(disk::BufferLogFormat const& format, std::span<le32 const> map) {
  auto const view = checked(format);
  u32 const total = format.len.value() * basic_block_size / log_chunk_size;
  auto const dirty = [&map](u32 chunk) {
    return chunk / 32 < map.size() && ((map[chunk / 32].value() >> (chunk % 32)) & 1) != 0;
  };
  u32 chunk = 0;
  for (std::size_t region = 1; region < regions_.size(); ++region) {
    while (chunk < total && !dirty(chunk)) ++chunk;
    u32 end = chunk;
    while (end < total && dirty(end)) ++end;
    Bytes const data = bytes(region);
    // Kernels before 5.18 cut a run where a page ends.
    u64 const run = u64{end - chunk} * log_chunk_size;
    if (data.empty() || data.size() > run) return told_length(data.size(), run, Relation::at_most);
    if (data.size() % log_chunk_size != 0) {
      return told_length(data.size(), log_chunk_size, Relation::multiple_of);
    }
    add_bytes(Role::chunks, data, chunk * log_chunk_size);
    chunk += static_cast<u32>(data.size() / log_chunk_size);
  }
  at_ = 0;
  while (chunk < static_cast<u32>(map.size()) * 32 && !dirty(chunk)) ++chunk;
  // All that the bitmap promises has come.
  bool const all = chunk >= static_cast<u32>(map.size()) * 32;
  return view.require(all, format.size, format.size.value() + 1U, Relation::at_least);
}

Result<void> Decoder::buffer() {
  Bytes const first = bytes(0);
  XFSX_TRY(auto const* format, take<disk::BufferLogFormat>(first, Role::format));
  auto const view = checked(*format);
  XFSX_TRYV(view.at_least<u16>(format->len, 1));
  XFSX_TRYV(view.at_most(format->map_size, max_buffer_map));
  u32 const words = format->map_size.value();
  XFSX_TRYV(long_enough(sizeof(*format) + std::size_t{words} * 4));
  Bytes const map = first.subspan(sizeof(*format), std::size_t{words} * 4);
  for (std::size_t at = 0; turn_ && at < map.size(); at += 4) {
    std::ranges::reverse(map.subspan(at, 4));
  }
  decoded_.parts.push_back({Role::bitmap, {}, {}, map, words, 0});
  if ((format->flags.value() & disk::buffer_item_flag::cancel) != 0) {
    return view.equal<u16>(format->size, 1);
  }
  return chunks(*format, view_array<le32>(map, 0, words));
}

Result<void> Decoder::core() {
  Bytes const region = bytes(1);
  XFSX_TRYV(long_enough(sizeof(disk::LogDinodeV2)));
  if (region.size() > sizeof(disk::LogDinode)) {
    return told_length(region.size(), sizeof(disk::LogDinode), Relation::at_most);
  }
  if (turn_) turn_core(region);
  bool const large = region.size() == sizeof(disk::LogDinode);
  auto const& small = view_as<disk::LogDinodeV2>(region);
  CheckedView<disk::LogDinodeV2> const view(
      small, log_location(here().block),
      large ? disk::Layout<disk::LogDinode>::name : disk::Layout<disk::LogDinodeV2>::name);
  XFSX_TRYV(view.equal(small.magic, disk::inode_magic));
  if (large) {
    decoded_.parts.push_back({Role::core, disk::Layout<disk::LogDinode>::name,
                              disk::Layout<disk::LogDinode>::fields, region, 1, 0});
    return success();
  }
  XFSX_TRYV(view.at_most(small.version, u8{2}));
  decoded_.parts.push_back({Role::core, disk::Layout<disk::LogDinodeV2>::name,
                            disk::Layout<disk::LogDinodeV2>::fields,
                            region.first(sizeof(disk::LogDinodeV2)), 1, 0});
  return success();
}

/// The bytes of a fork, of which `size` are meant; `at_` is its region. What is in it is big-endian
/// as on disk.
Result<void> Decoder::fork(Role role, u32 size, bool mappings, bool root) {
  Bytes const region = bytes(at_);
  XFSX_TRYV(exactly(round_up<u64>(size, 4)));
  if (mappings && size % sizeof(disk::BmbtRecord) != 0) {
    return told_length(size, sizeof(disk::BmbtRecord), Relation::multiple_of);
  }
  if (root) {
    XFSX_TRYV(long_enough(min_root));
  }
  add_bytes(role, region.first(size));
  return success();
}

template <class Format>
Result<void> Decoder::inode_regions(Format const& format) {
  auto const view = checked(format);
  u32 const fields = format.fields.value();
  auto const one_bit = [](u32 bits) { return (bits & (bits - 1)) == 0; };
  XFSX_TRYV(view.require(one_bit(fields & field::data_any), format.fields, field::data_any,
                         Relation::one_of_bits));
  XFSX_TRYV(view.require(one_bit(fields & field::attr_any), format.fields, field::attr_any,
                         Relation::one_of_bits));
  bool const data = (fields & field::data_any) != 0;
  bool const attr = (fields & field::attr_any) != 0;
  XFSX_TRYV(view.equal(format.size, static_cast<u16>(2 + (data ? 1 : 0) + (attr ? 1 : 0))));
  XFSX_TRYV(core());
  if (data) {
    at_ = 2;
    XFSX_TRYV(fork(Role::data_fork, format.dsize.value(), (fields & field::data_extents) != 0,
                   (fields & field::data_broot) != 0));
  }
  if (!attr) return success();
  at_ = regions_.size() - 1;
  return fork(Role::attr_fork, format.asize.value(), (fields & field::attr_extents) != 0,
              (fields & field::attr_broot) != 0);
}

Result<void> Decoder::inode() {
  Bytes const first = bytes(0);
  if (first.size() == sizeof(disk::InodeLogFormat32)) {
    XFSX_TRY(auto const* format, take<disk::InodeLogFormat32>(first, Role::format));
    return inode_regions(*format);
  }
  XFSX_TRYV(exactly(sizeof(disk::InodeLogFormat)));
  XFSX_TRY(auto const* format, take<disk::InodeLogFormat>(first, Role::format));
  return inode_regions(*format);
}

/// EFI and EFD: the length tells what kind of machine wrote them.
Result<void> Decoder::free_extents() {
  Bytes const first = bytes(0);
  XFSX_TRY(auto const* format, take<disk::IntentLogFormat>(first, Role::format));
  XFSX_TRYV(checked(*format).template equal<u16>(format->size, 1));
  u32 const count = format->nextents.value();
  if (first.size() == sizeof(*format) + u64{count} * sizeof(disk::FreeExtentLog32)) {
    return take_all<disk::FreeExtentLog32>(first, Role::extent, count);
  }
  XFSX_TRYV(exactly(sizeof(*format) + u64{count} * sizeof(disk::FreeExtentLog)));
  return take_all<disk::FreeExtentLog>(first, Role::extent, count);
}

template <class T>
Result<void> Decoder::extents(u32 most) {
  Bytes const first = bytes(0);
  XFSX_TRY(auto const* format, take<disk::IntentLogFormat>(first, Role::format));
  auto const view = checked(*format);
  XFSX_TRYV(view.template equal<u16>(format->size, 1));
  XFSX_TRYV(view.at_most(format->nextents, most));
  XFSX_TRYV(exactly(sizeof(*format) + u64{format->nextents.value()} * sizeof(T)));
  return take_all<T>(first, Role::extent, format->nextents.value());
}

Result<void> Decoder::padded(std::size_t region, Role role, u32 size) {
  Bytes const all = bytes(region);
  XFSX_TRYV(exactly(round_up<u64>(size, 4)));
  add_bytes(role, all.first(size));
  return success();
}

Result<void> Decoder::attri_regions(disk::AttriLogFormat const& format) {
  auto const view = checked(format);
  u32 const op = format.op_flags.value();
  bool const replaces_parent = op == disk::attr_intent::parent_replace;
  u32 const both = format.name_len.value();
  u32 const name = replaces_parent ? both & 0xffff : both;
  u32 const new_name = both >> 16;
  u32 const value = format.value_len.value();
  bool const names_fit = name >= 1 && name <= max_attr_name &&
                         (!replaces_parent || (new_name >= 1 && new_name <= max_attr_name));
  XFSX_TRYV(view.require(names_fit, format.name_len, max_attr_name, Relation::at_most));
  XFSX_TRYV(view.at_most(format.value_len, max_attr_value));
  u16 count = 3;
  if (replaces_parent) count = 5;
  // An empty value has no region.
  if (op == disk::attr_intent::remove || (op <= disk::attr_intent::replace && value == 0))
    count = 2;
  XFSX_TRYV(view.equal(format.size, count));
  XFSX_TRYV(padded(1, Role::name, name));
  if (count == 2) return success();
  if (replaces_parent) {
    XFSX_TRYV(padded(2, Role::new_name, new_name));
    XFSX_TRYV(padded(3, Role::value, value));
    return padded(4, Role::new_value, value);
  }
  return padded(2, Role::value, value);
}

Result<void> Decoder::attri() {
  Bytes const first = bytes(0);
  XFSX_TRYV(exactly(sizeof(disk::AttriLogFormat)));
  XFSX_TRY(auto const* format, take<disk::AttriLogFormat>(first, Role::format));
  auto const view = checked(*format);
  XFSX_TRYV(view.at_least(format->op_flags, disk::attr_intent::set));
  XFSX_TRYV(view.at_most(format->op_flags, disk::attr_intent::parent_replace));
  if (turn_ && format->op_flags.value() == disk::attr_intent::parent_replace) {
    // Two lengths of 16 bits in the place of one number.
    Bytes const lengths = first.subspan(offsetof(disk::AttriLogFormat, name_len), 4);
    std::ranges::rotate(lengths, lengths.begin() + 2);
  }
  return attri_regions(*format);
}

template <class T>
Result<void> Decoder::single() {
  Bytes const first = bytes(0);
  XFSX_TRYV(exactly(sizeof(T)));
  XFSX_TRY(auto const* format, take<T>(first, Role::format));
  return checked(*format).template equal<u16>(format->size, 1);
}

/// Two forms share a number.
Result<void> Decoder::exchange() {
  if (bytes(0).size() == sizeof(disk::SxiLogFormat)) {
    decoded_.name = "SXI";
    return single<disk::SxiLogFormat>();
  }
  return single<disk::XmiLogFormat>();
}

Result<void> Decoder::dquot() {
  Bytes const first = bytes(0);
  XFSX_TRYV(exactly(sizeof(disk::DquotLogFormat)));
  XFSX_TRY(auto const* format, take<disk::DquotLogFormat>(first, Role::format));
  XFSX_TRYV(checked(*format).template equal<u16>(format->size, 2));
  Bytes const record = bytes(1);
  XFSX_TRY(auto const* dquot, take<disk::Dquot>(record, Role::dquot));
  return checked(*dquot).equal(dquot->magic, disk::dquot_magic);
}

Result<void> Decoder::dispatch() {
  switch (decoded_.type) {
    case LogItemType::buffer:
      return buffer();
    case LogItemType::inode:
      return inode();
    case LogItemType::efi:
    case LogItemType::efd:
    case LogItemType::efi_rt:
    case LogItemType::efd_rt:
      return free_extents();
    case LogItemType::rui:
    case LogItemType::rui_rt:
      return extents<disk::MapExtentLog>(~0U);
    case LogItemType::bui:
      return extents<disk::MapExtentLog>(1);
    case LogItemType::cui:
    case LogItemType::cui_rt:
      return extents<disk::CountExtentLog>(~0U);
    case LogItemType::attri:
      return attri();
    case LogItemType::xmi:
      return exchange();
    case LogItemType::dquot:
      return dquot();
    case LogItemType::quotaoff:
      return single<disk::QuotaoffLogFormat>();
    case LogItemType::icreate:
      return single<disk::IcreateLogFormat>();
    default:
      return single<disk::DoneLogFormat>();
  }
}

Result<DecodedLogItem> Decoder::run() {
  TypeRow const* row = row_of(item_.type);
  if (row == nullptr || regions_.size() != item_.regions) {
    Error e = located(Errc::bad_value, row == nullptr ? "log item" : row->name,
                      log_location(here().block));
    e.field = row == nullptr ? "type" : "size";
    e.relation = row == nullptr ? Relation::none : Relation::equal;
    e.reason = row == nullptr ? "no item of the log has this type" : "";
    e.found.number = row == nullptr ? item_.type : item_.regions;
    e.found.hex = row == nullptr;
    e.expected.number = regions_.size();
    return e;
  }
  decoded_.type = row->type;
  decoded_.name = row->name;
  XFSX_TRYV(dispatch());
  return std::move(decoded_);
}

}  // namespace

LogItemPart const* DecodedLogItem::part(LogItemPart::Role role) const {
  auto const found = std::ranges::find(parts, role, &LogItemPart::role);
  return found == parts.end() ? nullptr : &*found;
}

std::string_view log_item_name(u16 type) {
  TypeRow const* row = row_of(type);
  return row == nullptr ? std::string_view{} : row->name;
}

std::optional<LogItemType> done_of(LogItemType type) {
  TypeRow const* row = row_of(static_cast<u16>(type));
  if (row == nullptr || row->done == LogItemType{}) return std::nullopt;
  return row->done;
}

std::optional<LogItemType> intent_of(LogItemType type) {
  TypeRow const* row = std::ranges::find(types, type, &TypeRow::done);
  if (row == std::ranges::end(types)) return std::nullopt;
  return row->type;
}

u64 intent_id(DecodedLogItem const& item) {
  // Every one of them, intent or done, has its number at the same place.
  return view_as<disk::DoneLogFormat>(item.parts.front().bytes).id.value();
}

Result<DecodedLogItem> decode_log_item(LogTransaction& transaction, LogItemRegions& item) {
  Decoder decoder(transaction, item);
  Result<DecodedLogItem> decoded = decoder.run();
  item.turned = true;
  if (!decoded) return with_operation(decoded.error(), decoder.here().op);
  return decoded;
}

}  // namespace xfsx::inline v0
