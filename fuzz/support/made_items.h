#pragma once
// Items of the log that an input makes up: as often as not of what is really there (a mapping of a
// file, blocks that are shared, a record of a quota), so that whoever replays or finishes them gets
// far; and of anything else.

#include "fuzz/support/input.h"
#include "fuzz/support/world.h"

#include <vector>

namespace xfsx::fuzz {

/// Regions of one item, as a log holds them.
using LogRegions = std::vector<std::vector<std::byte>>;

/// Which kinds there are for made_item().
inline constexpr u8 made_item_kinds = 18;

/// An item of the kind that `kind` says; of the other kinds, the one that it is modulo their
/// number.
LogRegions made_item(Input& input, World const& world, u8 kind);

}  // namespace xfsx::fuzz
