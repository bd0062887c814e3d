#include "exchange/limits.h"

#include "format/features.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// What the counters of a data fork can hold: 31 bits, or 48 in their large form, which every
/// exchange turns to where the filesystem knows it.
constexpr u64 extents_max = (u64{1} << 31) - 1;
constexpr u64 large_extents_max = (u64{1} << 48) - 1;

Result<void> check_extent_count(u64 count, u64 most, u8 operand) {
  if (count <= most) return success();
  Error e = refuse(EFBIG, "would get too many mappings");
  e.relation = Relation::at_most;
  e.found.number = count;
  e.expected.number = most;
  return with_operand(e, operand);
}

}  // namespace

Result<void> check_extent_counts(ExchangeRequest const& request, Geometry const& geometry,
                                 ExchangePlan const& plan) {
  u64 const format_max = geometry.has(incompat::nrext64) ? large_extents_max : extents_max;
  u64 const most = std::min(request.max_extents.value_or(format_max), format_max);
  XFSX_TRYV(check_extent_count(plan.file1.extents_after, most, 1));
  return check_extent_count(plan.file2.extents_after, most, 2);
}

}  // namespace xfsx::inline v0
