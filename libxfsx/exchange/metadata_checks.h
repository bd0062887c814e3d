#pragma once
// What forbids an exchange of forks that hold metadata, beyond what checks.h says of every one.

#include "inode/inode.h"
#include "txn/volume.h"

#include <xfsx/exchange.h>

namespace xfsx::inline v0 {

/// Whether links, parents and parent pointers would be right afterwards; see MetadataForks. Errors:
/// EINVAL for directories with different parents; EOPNOTSUPP for what
/// would have to change in other inodes; EPERM for user attributes that Linux would not show; those
/// of reading.
Result<void> check_metadata_forks(Volume& volume, Inode const& first, Inode const& second,
                                  ExchangeRequest const& request);

}  // namespace xfsx::inline v0
