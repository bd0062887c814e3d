#pragma once
// The rules of the older call, XFS_IOC_SWAPEXT, which defragmenters use: whole data forks of two
// files of equal size. Only what the call is allowed to do follows it; it is as atomic as any
// exchange, and Linux's was not.

#include "inode/inode.h"

#include <xfsx/exchange.h>

namespace xfsx::inline v0 {

/// Whether that call would exchange the two files; file2 is its target, file1 the temporary file.
/// Errors in the order in which Linux finds them: refused EINVAL for one file with itself, and for
/// written blocks alone; EFAULT where the range is not the whole of both files; EINVAL where quota
/// is accounted and the owners differ, where the target has fewer mappings than the other file,
/// and, without reverse mappings, where a fork does not fit the other inode; changed EBUSY where
/// the times of the target are not those of `request.fresh`; those of reading the forks.
Result<void> check_like_swapext(Volume& volume, Inode const& first, Inode const& second,
                                ExchangeRequest const& request);

}  // namespace xfsx::inline v0
