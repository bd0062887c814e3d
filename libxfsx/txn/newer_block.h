#pragma once
// What lies in free blocks can be anything, also what looks like metadata that is newer than the
// log: replay would leave it alone where it should put a new block.

#include "base/view.h"

#include <xfsx/units.h>

namespace xfsx::inline v0 {

/// Whether a block's LSN says anything.
constexpr bool counts_as_lsn(Lsn lsn) {
  return lsn != Lsn(0) && lsn != null_lsn;
}

/// Whether replay could take `bytes`, the beginning of a block, for metadata of the filesystem with
/// metadata UUID `uuid` that is as new as a checkpoint which starts at `head`.
bool looks_newer(ConstBytes bytes, Uuid const& uuid, Lsn head);

}  // namespace xfsx::inline v0
