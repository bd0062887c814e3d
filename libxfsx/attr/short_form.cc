#include "attr/short_form.h"

#include "base/checked.h"
#include "base/view.h"
#include "disk/attr.h"
#include "inode/fork.h"
#include "inode/fork_border.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::AttrShortEntry;
using disk::AttrShortHeader;
using disk::ForkFormat;

constexpr u32 longest_value = 255;

ForkFormat data_format(InodeView const& inode) {
  return fork_format(inode, ForkKind::data);
}

/// Bytes that the data fork cannot give away; none if it must stay as it is: the root of a btree is
/// laid out for the room that it has.
std::optional<u32> size_of_data(InodeView const& inode) {
  switch (data_format(inode)) {
    case ForkFormat::local:
      return std::max(static_cast<u32>(inode.size()), least_data_fork);
    case ForkFormat::extents:
      return std::max(static_cast<u32>(inode.nextents() * sizeof(disk::BmbtRecord)),
                      least_data_fork);
    default:
      return std::nullopt;
  }
}

/// Where a new attribute fork of at least `size` bytes begins: where Linux would have it if both
/// forks fit so, or as far back as it can.
std::optional<u8> place_for_new(InodeView const& inode, u32 size) {
  // A device number takes one unit, and has it for itself.
  if (data_format(inode) == ForkFormat::dev) {
    return size <= inode.literal_size() - forkoff_unit ? std::optional<u8>(1) : std::nullopt;
  }
  std::optional<u32> const data = size_of_data(inode);
  u32 const literal = inode.literal_size();
  u32 const attr = std::max(size, least_attr_fork);
  if (!data || attr > literal) return std::nullopt;
  constexpr u32 usual = fork_root_size(12) / forkoff_unit;
  u32 const last = (literal - attr) / forkoff_unit;
  u32 const first = div_round_up(*data, forkoff_unit);
  if (first > last) return std::nullopt;
  return static_cast<u8>(usual >= first && usual <= last ? usual : last);
}

/// Where a list of `size` bytes begins: where the fork does, if it fits, or as far back as it can;
/// none if there is no room.
std::optional<u8> place_for(InodeView const& inode, u32 size) {
  if (!inode.has_attr_fork()) return place_for_new(inode, size);
  if (size <= inode.attr_fork_size()) return inode.core().forkoff;
  u32 const literal = inode.literal_size();
  std::optional<u32> const data = size_of_data(inode);
  if (!data || size > literal) return std::nullopt;
  u32 const place = (literal - size) / forkoff_unit;
  if (place < div_round_up(*data, forkoff_unit)) return std::nullopt;
  return static_cast<u8>(place);
}

void append(std::vector<std::byte>& list, StoredAttribute const& a, u8 flags) {
  AttrShortEntry const entry{static_cast<u8>(a.name.size()), static_cast<u8>(a.value.size()),
                             static_cast<u8>(flags & disk::attr_flag::namespaces)};
  for (ConstBytes const part : {bytes_of(entry), bytes_of(a.name), a.value}) {
    list.insert(list.end(), part.begin(), part.end());
  }
}

Bytes attr_fork_of(Bytes inode) {
  return inode.last(InodeView(inode).attr_fork_size());
}

}  // namespace

Result<bool> remove_from_short_form(Bytes fork, Location const& where, AttributeName const& which) {
  std::size_t at = sizeof(AttrShortHeader);
  std::size_t size = 0;
  auto const visit = [&](StoredAttribute const& a) -> Result<bool> {
    size = sizeof(AttrShortEntry) + a.name.size() + a.value.size();
    if (is_named(a, which)) return false;
    at += size;
    return true;
  };
  XFSX_TRY(bool const absent, visit_short_form(fork, where, visit));
  if (absent) return false;
  AttrShortHeader& header = edit_as<AttrShortHeader>(fork);
  std::size_t const end = header.totsize.value();
  std::ranges::copy(fork.subspan(at + size, end - at - size), fork.subspan(at).begin());
  std::ranges::fill(fork.subspan(end - size, size), std::byte{0});
  header.totsize = static_cast<u16>(end - size);
  --header.count;
  return true;
}

Result<std::optional<ShortForm>> short_form_of(InodeView const& inode, ConstBytes leaf,
                                               Location const& where) {
  ShortForm form;
  form.bytes.resize(sizeof(AttrShortHeader));
  u32 count = 0;
  bool fits = true;
  auto const visit = [&](StoredAttribute const& a) -> Result<bool> {
    std::size_t const at =
        sizeof(disk::AttrLeafHeader) + std::size_t{count} * sizeof(disk::AttrLeafEntry);
    fits = !a.remote && !a.incomplete && a.value.size() <= longest_value && count < 255;
    if (fits) append(form.bytes, a, view_as<disk::AttrLeafEntry>(leaf, at).flags);
    ++count;
    return fits;
  };
  if (!leaf.empty()) {
    XFSX_TRYV(visit_attr_leaf(format_v5, leaf, where, visit));
  }
  if (!fits) return std::optional<ShortForm>();
  std::optional<u8> const place = place_for(inode, static_cast<u32>(form.bytes.size()));
  if (!place) return std::optional<ShortForm>();
  form.forkoff = *place;
  AttrShortHeader& header = edit_as<AttrShortHeader>(form.bytes);
  header.totsize = static_cast<u16>(form.bytes.size());
  header.count = static_cast<u8>(count);
  return std::optional<ShortForm>(std::move(form));
}

Result<std::optional<ShortForm>> short_form_with(InodeView const& inode, Location const& where,
                                                 AttributeName const& name, ConstBytes value) {
  ShortForm form;
  form.bytes.resize(sizeof(AttrShortHeader));
  u32 count = 1;
  if (fork_format(inode, ForkKind::attr) == ForkFormat::local) {
    ConstBytes const fork = fork_bytes(inode, ForkKind::attr);
    XFSX_TRYV(visit_short_form(fork, where, [](StoredAttribute const&) { return true; }));
    auto const& header = view_as<AttrShortHeader>(fork);
    count += header.count;
    form.bytes.assign(fork.begin(), fork.begin() + header.totsize.value());
  }
  if (value.size() > longest_value || count > 255) return std::optional<ShortForm>();
  StoredAttribute added;
  added.name = name.name;
  added.value = value;
  append(form.bytes, added, flags_of(name.space));
  std::optional<u8> const place = place_for(inode, static_cast<u32>(form.bytes.size()));
  if (!place) return std::optional<ShortForm>();
  form.forkoff = *place;
  AttrShortHeader& header = edit_as<AttrShortHeader>(form.bytes);
  header.totsize = static_cast<u16>(form.bytes.size());
  header.count = static_cast<u8>(count);
  return std::optional<ShortForm>(std::move(form));
}

std::optional<u8> place_for_mappings(InodeView const& inode) {
  return place_for_new(inode, least_attr_fork);
}

void set_short_form(Bytes inode, ShortForm const& form) {
  disk::Dinode& core = edit_as<disk::Dinode>(inode);
  Bytes const literal = inode.subspan(sizeof(disk::Dinode));
  // Without an attribute fork the data fork reaches to the end.
  u8 const begins = core.forkoff == 0 ? form.forkoff : std::min(core.forkoff, form.forkoff);
  std::size_t const from = std::size_t{begins} * forkoff_unit;
  std::ranges::fill(literal.subspan(from), std::byte{0});
  core.forkoff = form.forkoff;
  core.aformat = static_cast<u8>(ForkFormat::local);
  std::ranges::copy(form.bytes, attr_fork_of(inode).begin());
}

void let_empty_fork_go(Geometry const& geometry, Bytes inode) {
  Bytes const fork = attr_fork_of(inode);
  disk::Dinode& core = edit_as<disk::Dinode>(inode);
  bool const stays = view_as<AttrShortHeader>(fork).count != 0 ||
                     data_format(InodeView(inode)) == ForkFormat::btree ||
                     geometry.has(incompat::parent);
  if (stays) return;
  std::ranges::fill(fork, std::byte{0});
  core.forkoff = 0;
  core.aformat = static_cast<u8>(ForkFormat::extents);
}

}  // namespace xfsx::inline v0
