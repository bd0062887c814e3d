#include "exchange/to_eof.h"

#include "base/checked.h"
#include "exchange/checks.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

Result<u64> size_after(u64 offset, u64 tail, u8 operand) {
  if (range_inside(offset, tail, file_size_max)) return offset + tail;
  return with_operand(refuse(EFBIG, "would become larger than a file can be"), operand);
}

}  // namespace

Result<SizedRange> sized_range(ExchangeRequest const& request, Geometry const& geometry,
                               BlockCount unit, u64 size1, u64 size2) {
  bool const to_eof = request.to_eof || !request.range;
  ExchangeRange range = request.range.value_or(ExchangeRange{});
  if (to_eof) range.length = 0;
  SizedRange sized;
  XFSX_TRY(sized.blocks, check_range(range, geometry, unit, size1, size2));
  sized.size1 = size1;
  sized.size2 = size2;
  if (!to_eof) return sized;
  u64 const tail1 = size1 - range.offset1;
  u64 const tail2 = size2 - range.offset2;
  XFSX_TRY(sized.size1, size_after(range.offset1, tail2, 1));
  XFSX_TRY(sized.size2, size_after(range.offset2, tail1, 2));
  u64 const bytes = geometry.block_size() * unit.raw();
  sized.blocks.length = BlockCount(div_round_up(std::max(tail1, tail2), bytes) * unit.raw());
  return sized;
}

}  // namespace xfsx::inline v0
