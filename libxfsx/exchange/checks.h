#pragma once
// What an exchange is refused for, in the order of Linux's exchange-range call where the check
// makes sense without a mounted filesystem. Everything here happens before the first write.

#include "exchange/mapping_walk.h"
#include "inode/inode.h"
#include "txn/volume.h"

#include <xfsx/exchange.h>

namespace xfsx::inline v0 {

/// Whether this filesystem can be changed at all by this release. Errors: dirty_log; what is wrong
/// with the log; refused EOPNOTSUPP for unknown feature bits, zones,
/// an external log.
Result<void> check_volume(Volume& volume);

/// Whether the file can take part. Errors with operand 1 or 2: EISDIR, EINVAL for what is no
/// regular file where only such can; EPERM for immutable, append-only and internal inodes.
Result<void> check_file(Volume& volume, Inode const& inode, ExchangeRequest const& request,
                        u8 operand);

/// Whether all owners that quota counts for are the same.
bool same_owners(disk::Dinode const& a, disk::Dinode const& b);

/// Whether quota of any kind is accounted. Errors: those of reading the superblock.
Result<bool> quota_is_accounted(Volume& volume);

/// The byte range in filesystem blocks, whole allocation units of `unit` blocks, by the alignment
/// and end-of-file rules. Errors: EINVAL.
Result<BlockRange> check_range(ExchangeRange const& range, Geometry const& geometry,
                               BlockCount unit, u64 size1, u64 size2);

}  // namespace xfsx::inline v0
