#pragma once
// What a block of metadata says of itself: replay looks at what lies there, not at what the log
// says of it.

#include "format/block_kind.h"

namespace xfsx::inline v0 {

/// The kind that a block's own magic number names, if it is of this filesystem and of a kind that
/// carries an LSN; null for everything else, and in version 4. `bytes` may be the beginning of the
/// block.
BlockKind const* identify(Geometry const& geometry, ConstBytes bytes);

}  // namespace xfsx::inline v0
