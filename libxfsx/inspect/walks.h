#pragma once
// Lists that inspecting follows from one structure to others: each step is bounded by a number that
// was there before it.

#include "format/geometry.h"
#include "inspect/inspect.h"

namespace xfsx::inline v0::inspect {

/// The mappings of an inode's data fork in file order, `bmap`, whether they lie in the inode or in
/// the leaves of a btree. A tree that does not fit together ends the walk: `problem` says where.
Result<Value> walk_mappings(Geometry const& geometry, ByteSource& source, ConstBytes inode,
                            Location const& where, std::optional<Error>& problem);

/// The inodes on the unlinked lists of an AG, `inodes`, bucket by bucket. `agi` is the header
/// sector, at `where`. No list has more inodes than the AG. Errors: io, truncated.
Result<Value> walk_unlinked(Geometry const& geometry, ByteSource& source, ConstBytes agi,
                            Location const& where, std::optional<Error>& problem);

}  // namespace xfsx::inline v0::inspect
