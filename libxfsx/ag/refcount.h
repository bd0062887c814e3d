#pragma once
// Which blocks of an AG more than one file has.

#include "txn/volume.h"

#include <functional>

namespace xfsx::inline v0 {

/// A run of blocks inside an AG.
struct AgExtent {
  AgBlock start;
  BlockCount length;
};

/// Hands the shared parts of `extent` to `visit`, in order. None without the reflink feature.
/// Errors: those of loading the AGF and the btree blocks.
Result<void> for_each_shared(Volume& volume, AgNumber ag, AgExtent const& extent,
                             std::function<void(AgExtent const&)> const& visit);

}  // namespace xfsx::inline v0
