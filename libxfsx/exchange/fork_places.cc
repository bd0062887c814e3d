#include "exchange/fork_places.h"

#include "inode/fork_border.h"

namespace xfsx::inline v0 {

namespace {

constexpr u8 forkoff_of_device = 1;

/// Whether either fork could become a btree. A device number never grows.
bool leaves_room(LiftedFork const& data, u32 literal, u8 forkoff) {
  if (data.format == disk::ForkFormat::dev) return forkoff == forkoff_of_device;
  u32 const before = forkoff * forkoff_unit;
  return before >= least_data_fork && before + least_attr_fork <= literal;
}

bool fit(LiftedFork const& data, LiftedFork const& attr, u32 literal, u8 forkoff) {
  if (forkoff == 0) return attr.is_empty() && check_fits(data, literal);
  if (!leaves_room(data, literal, forkoff)) return false;
  u32 const before = forkoff * forkoff_unit;
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
  for (u32 forkoff = (literal - least_attr_fork) / forkoff_unit; forkoff != 0; --forkoff) {
    u8 const place = static_cast<u8>(forkoff);
    if (fit(data, attr, literal, place)) return place;
  }
  return std::nullopt;
}

}  // namespace xfsx::inline v0
