#include "exchange/exchange.h"
#include "exchange/freshness.h"
#include "fs/impl.h"

namespace xfsx::inline v0 {

Result<Freshness> Filesystem::freshness(InodeNumber file) {
  return guarded([&]() -> Result<Freshness> {
    XFSX_TRY(Inode const inode, load_inode(*impl_->volume, file));
    if (inode.is_directory()) return refuse(EISDIR, "is a directory");
    if (!inode.is_regular()) return refuse(EINVAL, "is not a regular file");
    return freshness_of(*impl_->volume, inode);
  });
}

Result<ExchangePlan> Filesystem::plan_exchange(ExchangeRequest const& request) {
  return guarded([&] { return xfsx::plan_exchange(*impl_->volume, request); });
}

Result<ExchangeReport> Filesystem::exchange(ExchangeRequest const& request) {
  // What was read before the exchange is not what lies there after it.
  impl_->last_read.reset();
  return guarded([&] { return run_exchange(*impl_->volume, request, {}); });
}

}  // namespace xfsx::inline v0
