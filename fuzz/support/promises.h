#pragma once
// What the library promises of what it accepts, whatever the disk holds. A broken promise ends the
// process.

#include "dir/directory.h"
#include "fuzz/support/world.h"
#include "log/log_geometry.h"

#include <xfsx/filesystem.h>

namespace xfsx::fuzz {

/// Numbers of an accepted AG header (`sector` 1: AGF, 2: AGI, 3: AGFL) lie inside the AG.
void check_ag_header(u32 sector, ConstBytes block, Geometry const& g, AgNumber ag);

/// Every entry of an accepted btree block can be read, and its keys rise.
void check_btree_block(FormatVersion const& version, Form form, ConstBytes block);

/// Attributes have values of the sizes that they say.
void check_attributes(Volume& volume, Inode const& inode);

/// Mappings that are handed out rise and lie inside the filesystem.
void check_mappings(Volume& volume, Inode const& inode, ForkKind kind);

/// Head and tail lie in the log, and in this order.
void check_log_state(LogState const& state, LogGeometry const& log);

/// Some names of a directory: the first ones, and the last ones of as many as can be listed.
/// Every name is one that a name can be.
std::vector<std::string> names_of(Directory& directory);

/// What a search finds is what was searched for.
void check_lookups(Directory& directory, std::span<std::string const> names);

/// Plans and does an exchange. What is refused leaves the disk as it was; what is done can be read
/// again, and each file has what the other one had.
void check_exchange(Filesystem& fs, OverlayDisk& disk, ExchangeRequest request);

}  // namespace xfsx::fuzz
