#include "exchange/exchange.h"
#include "fs/impl.h"

namespace xfsx::inline v0 {

Result<ExchangePlan> Filesystem::plan_exchange(ExchangeRequest const& request) {
  return guarded([&] { return xfsx::plan_exchange(*impl_->volume, request); });
}

Result<ExchangeReport> Filesystem::exchange(ExchangeRequest const& request) {
  // What was read before the exchange is not what lies there after it.
  impl_->last_read.reset();
  return guarded([&] { return run_exchange(*impl_->volume, request, {}); });
}

}  // namespace xfsx::inline v0
