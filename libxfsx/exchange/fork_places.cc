#include "exchange/fork_places.h"

#include "disk/btree.h"

namespace xfsx::inline v0 {

namespace {

constexpr u32 unit = 8;  // of forkoff, bytes
constexpr u8 forkoff_of_device = 1;

/// Room for a btree root over so many blocks.
constexpr u32 root_size(u32 entries) {
  constexpr u32 entry = sizeof(disk::BmbtKey) + sizeof(be<FsBlock>);
  return static_cast<u32>(sizeof(disk::BmdrBlock)) + entries * entry;
}

// Linux leaves either fork room to become a btree.
constexpr u32 least_data = root_size(3);
constexpr u32 least_attr = root_size(2);

bool fit(LiftedFork const& data, LiftedFork const& attr, u32 literal, u8 forkoff) {
  if (forkoff == 0) return attr.is_empty() && check_fits(data, literal);
  bool const device = data.format == disk::ForkFormat::dev;
  u32 const before = forkoff * unit;
  if (before >= literal || (device && forkoff != forkoff_of_device)) return false;
  return check_fits(data, before) && check_fits(attr, literal - before);
}

}  // namespace

std::optional<u8> place_forks(LiftedFork const& data, LiftedFork const& attr, u32 literal,
                              std::span<u8 const> preferred) {
  for (u8 const forkoff : preferred) {
    if (fit(data, attr, literal, forkoff)) return forkoff;
  }
  if (data.format == disk::ForkFormat::dev) {
    if (fit(data, attr, literal, forkoff_of_device)) return forkoff_of_device;
    return std::nullopt;
  }
  for (u32 forkoff = (literal - least_attr) / unit; forkoff * unit >= least_data; --forkoff) {
    u8 const place = static_cast<u8>(forkoff);
    if (fit(data, attr, literal, place)) return place;
  }
  return std::nullopt;
}

}  // namespace xfsx::inline v0
