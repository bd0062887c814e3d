#pragma once
// What a structure of each form is made of: its kind, and the tables that cover it.

#include "format/block_kind.h"
#include "fuzz/support/mutate.h"
#include "fuzz/support/world.h"

#include <vector>

namespace xfsx::fuzz {

/// The kind by which a block of `form` is verified and stamped; null for inodes.
BlockKind const* kind_of(Form form);

/// The tables of `form`, laid over a structure of `length` bytes; `pick` chooses which element of
/// an array.
std::vector<Region> regions_of(FormatVersion const& version, Form form, std::size_t length,
                               u32 pick);

/// Makes the checksum right again where the version of the format has one.
void restamp(FormatVersion const& version, BlockKind const& kind, Bytes block);
void restamp_inode(FormatVersion const& version, Bytes inode);

/// Changes the structure at `site` as the input says, at most `limit` times, and stamps its
/// checksum again unless the input wants the old one kept.
void change_structure(Input& input, World const& world, OverlayDisk& disk, Form form,
                      Site const& site, unsigned limit = 6);

}  // namespace xfsx::fuzz
