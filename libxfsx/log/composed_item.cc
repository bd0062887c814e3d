#include "log/composed_item.h"

#include "base/checked.h"
#include "base/parse.h"
#include "base/view.h"
#include "log/byte_order.h"

#include <algorithm>
#include <optional>

namespace xfsx::inline v0 {

namespace {

using disk::LogItemType;
using Role = LogItemPart::Role;

/// "name" or "name[number]".
struct Indexed {
  std::string_view name;
  u64 index = 0;
};

std::optional<Indexed> parse_indexed(std::string_view text) {
  std::size_t const open = text.find('[');
  if (open == std::string_view::npos) return Indexed{text, 0};
  if (!text.ends_with(']')) return std::nullopt;
  std::optional<u64> const index = parse_digits(text.substr(open + 1, text.size() - open - 2));
  if (!index) return std::nullopt;
  return Indexed{text.substr(0, open), *index};
}

struct Path {
  Indexed structure, field;
};

std::optional<Path> parse_path(std::string_view text) {
  std::size_t const dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  std::optional<Indexed> const structure = parse_indexed(text.substr(0, dot));
  std::optional<Indexed> const field = parse_indexed(text.substr(dot + 1));
  if (!structure || !field) return std::nullopt;
  return Path{*structure, *field};
}

std::optional<LogItemType> type_called(std::string_view name) {
  if (name == "SXI") return LogItemType::xmi;
  if (name == "SXD") return LogItemType::xmd;
  for (u16 type = static_cast<u16>(LogItemType::efi); type <= static_cast<u16>(LogItemType::cud_rt);
       ++type) {
    if (log_item_name(type) == name) return LogItemType(type);
  }
  return std::nullopt;
}

template <DiskLayout T>
ComposedItem single(LogItemType type, T structure, u16 regions = 1) {
  structure.type = static_cast<u16>(type);
  structure.size = regions;
  ComposedItem item;
  item.add_structure(structure);
  return item;
}

template <DiskLayout T>
ComposedItem empty_list(LogItemType type, u32 extents) {
  std::vector<T> const all(extents, T{});
  return compose_list<T>(type, 0, all);
}

ComposedItem empty_buffer() {
  disk::BufferLogFormat format{};
  format.map_size = 1;
  ComposedItem item = single(LogItemType::buffer, format);
  item.append_words(1);
  return item;
}

ComposedItem empty_inode() {
  disk::LogDinode core{};
  core.magic = disk::inode_magic;
  core.version = 3;
  ComposedItem item = single(LogItemType::inode, disk::InodeLogFormat{}, 2);
  item.add_structure(core);
  return item;
}

ComposedItem empty_dquot() {
  disk::Dquot record{};
  record.magic = disk::dquot_magic;
  ComposedItem item = single(LogItemType::dquot, disk::DquotLogFormat{}, 2);
  item.add_structure(record);
  return item;
}

Error no_field() {
  return refuse(EINVAL,
                "the log item has no such field, as in log_xmi.flags or log_efi_extent[1].len");
}

}  // namespace

void ComposedItem::add_region(ConstBytes bytes) {
  regions_.emplace_back(bytes.begin(), bytes.end());
  regions_.back().resize(round_up<std::size_t>(bytes.size(), 4));
}

void ComposedItem::append(ConstBytes bytes) {
  regions_.back().insert(regions_.back().end(), bytes.begin(), bytes.end());
}

void ComposedItem::append_words(u32 count) {
  std::size_t const at = regions_.back().size();
  regions_.back().resize(at + std::size_t{count} * 4);
  parts_.push_back({regions_.size() - 1, at, 4, count});
}

void ComposedItem::describe(LogItemPart const& part, std::size_t region, std::size_t offset) {
  if (part.role == Role::bitmap) {
    parts_.push_back({region, offset, 4, part.count});
  } else if (!part.structure.empty() && part.count > 0) {
    parts_.push_back(
        {region, offset, part.bytes.size() / part.count, part.count, part.structure, part.fields});
  }
}

ComposedItem ComposedItem::copy_of(LogTransaction const& transaction, LogItemRegions const& item,
                                   DecodedLogItem const& decoded) {
  ComposedItem copy;
  for (LogRegion const& region : transaction.regions_of(item)) {
    ConstBytes const bytes = transaction.bytes_of(region);
    copy.regions_.emplace_back(bytes.begin(), bytes.end());
    for (LogItemPart const& part : decoded.parts) {
      bool const inside = part.bytes.data() >= bytes.data() &&
                          part.bytes.data() + part.bytes.size() <= bytes.data() + bytes.size();
      if (!inside) continue;
      copy.describe(part, copy.regions_.size() - 1,
                    static_cast<std::size_t>(part.bytes.data() - bytes.data()));
    }
  }
  return copy;
}

Result<ComposedItem> ComposedItem::copy_of(LogItem const& item) {
  LogTransaction transaction;
  LogItemRegions regions;
  for (ConstBytes const& bytes : item.regions()) {
    transaction.regions.push_back({transaction.bytes.size(), bytes.size(), 0, 0});
    transaction.bytes.insert(transaction.bytes.end(), bytes.begin(), bytes.end());
  }
  regions.type = view_as<le16>(item.regions().front()).value();
  regions.regions = static_cast<u16>(item.regions().size());
  XFSX_TRY(DecodedLogItem const decoded, decode_log_item(transaction, regions));
  return copy_of(transaction, regions, decoded);
}

Result<ComposedItem> ComposedItem::named(std::string_view name, u32 extents) {
  std::optional<LogItemType> const type = type_called(name);
  if (!type) return refuse(EINVAL, "no item of the log is called so");
  switch (*type) {
    case LogItemType::efi:
    case LogItemType::efd:
    case LogItemType::efi_rt:
    case LogItemType::efd_rt:
      return empty_list<disk::FreeExtentLog>(*type, extents);
    case LogItemType::rui:
    case LogItemType::rui_rt:
    case LogItemType::bui:
      return empty_list<disk::MapExtentLog>(*type, extents);
    case LogItemType::cui:
    case LogItemType::cui_rt:
      return empty_list<disk::CountExtentLog>(*type, extents);
    case LogItemType::attri:
      return single(*type, disk::AttriLogFormat{});
    case LogItemType::xmi:
      return name == "SXI" ? compose_exchange(disk::SxiLogFormat{})
                           : compose_exchange(disk::XmiLogFormat{});
    case LogItemType::buffer:
      return empty_buffer();
    case LogItemType::inode:
      return empty_inode();
    case LogItemType::dquot:
      return empty_dquot();
    case LogItemType::quotaoff:
      return single(*type, disk::QuotaoffLogFormat{});
    case LogItemType::icreate:
      return compose_icreate({});
    default:
      return compose_done(*type, 0);
  }
}

Result<ComposedItem::Place> ComposedItem::find(std::string_view path) const {
  std::optional<Path> const parsed = parse_path(path);
  if (!parsed) return no_field();
  u64 index = parsed->structure.index;
  for (Part const& part : parts_) {
    if (part.structure != parsed->structure.name || part.structure.empty()) continue;
    if (index >= part.count) {
      index -= part.count;
      continue;
    }
    auto const field = std::ranges::find(part.fields, parsed->field.name, &disk::Field::name);
    if (field == part.fields.end() || parsed->field.index >= field->count) break;
    std::size_t const at =
        part.offset + index * part.size + field->offset + parsed->field.index * field->size;
    if (field->size > sizeof(u64) || at + field->size > regions_[part.region].size()) break;
    return Place{part.region, at, field->size, field->order};
  }
  return no_field();
}

Result<void> ComposedItem::set(std::string_view path, u64 value) {
  XFSX_TRY(Place const place, find(path));
  if (place.size < sizeof(u64) && value >> (place.size * 8) != 0) {
    return refuse(EINVAL, "the field of the log item has no room for this number");
  }
  Bytes const bytes = Bytes(regions_[place.region]).subspan(place.offset, place.size);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(value & 0xff);
    value >>= 8;
  }
  if (place.order == disk::Order::big) std::ranges::reverse(bytes);
  return success();
}

Result<u64> ComposedItem::get(std::string_view path) const {
  XFSX_TRY(Place const place, find(path));
  u64 value = 0;
  for (u16 i = 0; i < place.size; ++i) {
    u16 const at = place.order == disk::Order::big ? i : static_cast<u16>(place.size - 1 - i);
    value = value << 8 | std::to_integer<u64>(regions_[place.region][place.offset + at]);
  }
  return value;
}

u16 ComposedItem::type() const {
  return regions_.empty() || regions_.front().size() < 4 ? u16{0}
                                                         : view_as<le16>(regions_.front()).value();
}

bool ComposedItem::has(std::string_view structure) const {
  return std::ranges::any_of(parts_, [&](Part const& part) { return part.structure == structure; });
}

LogSizes ComposedItem::sizes() const {
  LogSizes sizes{regions_.size(), 0};
  for (auto const& region : regions_) sizes.bytes += region.size();
  return sizes;
}

namespace {

bool is_core(std::string_view structure) {
  return structure == disk::Layout<disk::LogDinode>::name ||
         structure == disk::Layout<disk::LogDinodeV2>::name;
}

/// Two lengths of 16 bits stand in the place of one number if a parent pointer is replaced.
bool has_two_lengths(ConstBytes attri) {
  return view_as<disk::AttriLogFormat>(attri).op_flags.value() == disk::attr_intent::parent_replace;
}

/// Turns one structure from our byte order into the other.
void turn_structure(std::string_view name, std::span<disk::Field const> fields, Bytes bytes) {
  if (is_core(name)) {
    core_to_disk(bytes);  // the order of the disk is the other one
    return;
  }
  bool const halves = name == disk::Layout<disk::AttriLogFormat>::name && has_two_lengths(bytes);
  turn_fields(fields, bytes);
  if (!halves) return;
  Bytes const lengths = bytes.subspan(offsetof(disk::AttriLogFormat, name_len), 4);
  std::ranges::rotate(lengths, lengths.begin() + 2);
}

}  // namespace

std::vector<std::vector<std::byte>> ComposedItem::in_other_order() const {
  std::vector<std::vector<std::byte>> turned = regions_;
  for (Part const& part : parts_) {
    for (u32 i = 0; i < part.count; ++i) {
      std::size_t const at = part.offset + i * part.size;
      if (at + part.size > turned[part.region].size()) break;
      Bytes const bytes = Bytes(turned[part.region]).subspan(at, part.size);
      if (part.structure.empty()) {
        std::ranges::reverse(bytes);
      } else {
        turn_structure(part.structure, part.fields, bytes);
      }
    }
  }
  return turned;
}

ComposedItem compose_done(LogItemType type, u64 id) {
  disk::DoneLogFormat format{};
  format.id = id;
  return single(type, format);
}

ComposedItem compose_exchange(disk::XmiLogFormat const& exchange) {
  return single(LogItemType::xmi, exchange);
}

ComposedItem compose_exchange(disk::SxiLogFormat const& exchange) {
  return single(LogItemType::xmi, exchange);
}

Result<ComposedItem> as_sxi(ComposedItem const& xmi) {
  if (!xmi.has(disk::Layout<disk::XmiLogFormat>::name)) {
    return refuse(EINVAL, "the log item is no XMI");
  }
  auto const& from = view_as<disk::XmiLogFormat>(xmi.regions().front());
  disk::SxiLogFormat to{};
  to.id = from.id;
  to.inode1 = from.inode1;
  to.inode2 = from.inode2;
  to.startoff1 = from.startoff1;
  to.startoff2 = from.startoff2;
  to.blockcount = from.blockcount;
  to.flags = from.flags;
  to.isize1 = from.isize1;
  to.isize2 = from.isize2;
  return compose_exchange(to);
}

ComposedItem compose_attri(disk::AttriLogFormat const& format, std::span<ConstBytes const> texts) {
  ComposedItem item = single(LogItemType::attri, format, static_cast<u16>(1 + texts.size()));
  for (ConstBytes const& text : texts) item.add_region(text);
  return item;
}

ComposedItem compose_icreate(disk::IcreateLogFormat const& format) {
  return single(LogItemType::icreate, format);
}

ComposedItem compose_buffer(BufferItem const& buffer) {
  LogItem item;
  make_buffer_item(item, buffer);
  return ComposedItem::copy_of(item).value();
}

ComposedItem compose_cancel(Daddr address, SectorCount length) {
  LogItem item;
  make_cancel_item(item, address, length);
  return ComposedItem::copy_of(item).value();
}

Result<ComposedItem> compose_inode(InodeItem const& inode) {
  LogItem item;
  XFSX_TRYV(make_inode_item(item, inode));
  return ComposedItem::copy_of(item);
}

}  // namespace xfsx::inline v0
