#pragma once
// Where the btrees of an AG begin.

#include "btree/reader.h"

namespace xfsx::inline v0 {

enum class AgTree : u8 { bnobt, cntbt, inobt, finobt, rmapbt, refcountbt };

/// The root of a tree of AG `ag`, which must exist, as the AG's verified header names it. Errors:
/// those of loading the header; refused EOPNOTSUPP for a tree that the filesystem does not have.
Result<AgTreeRoot> find_tree_root(Volume& volume, AgNumber ag, AgTree tree);

}  // namespace xfsx::inline v0
