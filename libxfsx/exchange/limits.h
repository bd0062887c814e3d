#pragma once
// How many mappings a file may have.

#include "format/geometry.h"

#include <xfsx/exchange.h>

namespace xfsx::inline v0 {

/// Whether both files of the plan have as many mappings as the format can count, or as
/// `request.max_extents` allows. Errors: refused EFBIG with the operand; the donor is asked first.
Result<void> check_extent_counts(ExchangeRequest const& request, Geometry const& geometry,
                                 ExchangePlan const& plan);

}  // namespace xfsx::inline v0
