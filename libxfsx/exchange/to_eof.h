#pragma once
// The part of an exchange that is about bytes: which blocks change places, and how large the files
// are afterwards. Pure.
//
// To the end of both files means what its documentation says: either file ends as far behind its
// offset as the other one did. Linux itself gives each file the other's old size, which is the same
// only where the offsets are equal, and otherwise cuts one file short and leaves the other with
// bytes that it should not have.

#include "exchange/mapping_walk.h"
#include "format/geometry.h"

#include <xfsx/exchange.h>

namespace xfsx::inline v0 {

/// The largest size of a file, in bytes.
inline constexpr u64 file_size_max = (u64{1} << 63) - 1;

/// Blocks that change places, and the sizes of both files afterwards in bytes.
struct SizedRange {
  BlockRange blocks;
  u64 size1 = 0;
  u64 size2 = 0;
};

/// What `request.range` (none: to the end of both files from their starts) means for files of these
/// sizes and this allocation unit. To the end of both, the range is as long as
/// the longer of the two tails, so the shorter file's blocks past its end go along as far as that
/// reaches. Errors, with the operand where one file is to blame: EINVAL by the rules of
/// check_range; EFBIG where a file would become larger than a file can be.
Result<SizedRange> sized_range(ExchangeRequest const& request, Geometry const& geometry,
                               BlockCount unit, u64 size1, u64 size2);

}  // namespace xfsx::inline v0
