#pragma once
// The exchange: request to checked plan to one checkpoint. Whole files exchange their data forks as
// they are; ranges exchange mappings. Either way everything is decided, verified and held in memory
// before the first byte is written.

#include "txn/commit.h"

#include <xfsx/exchange.h>

namespace xfsx::inline v0 {

/// What the exchange would do; reads only. Errors: every refusal of the exchange itself.
Result<ExchangePlan> plan_exchange(Volume& volume, ExchangeRequest const& request);

/// Does it, and leaves a clean log. Errors carry what became of the image: unchanged up to the
/// first record that holds the commit, unknown while that record is under way, committed
/// afterwards.
Result<ExchangeReport> run_exchange(Volume& volume, ExchangeRequest const& request,
                                    CommitOptions const& options);

}  // namespace xfsx::inline v0
