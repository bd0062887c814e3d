#include "exchange/like_swapext.h"

#include "exchange/checks.h"
#include "exchange/freshness.h"
#include "exchange/lifted_fork.h"

namespace xfsx::inline v0 {

namespace {

bool is_whole(ExchangeRange const& range, u64 size) {
  return range.offset1 == 0 && range.offset2 == 0 && range.length == size;
}

Result<void> check_sizes(u64 size1, u64 size2, ExchangeRequest const& request) {
  if (request.written_only) return refuse(EINVAL, "this call knows no written blocks alone");
  bool const whole = !request.range || (!request.to_eof && is_whole(*request.range, size2));
  if (whole && size1 == size2) return success();
  return refuse(EFAULT, "only whole files of equal size are exchanged like this");
}

/// The forks as they are must fit, where Linux swaps them so.
Result<void> check_fit(Volume& volume, Inode const& from, Inode const& into, u8 operand) {
  XFSX_TRY(LiftedFork const fork, lift_fork(volume, from, ForkKind::data));
  Result<void> const fit = check_fits(fork, into.data_fork_size());
  if (fit) return success();
  Error e = with_operand(fit.error(), operand);
  e.errno_class = EINVAL;
  return e;
}

Result<void> check_formats(Volume& volume, Inode const& first, Inode const& second) {
  XFSX_TRY(bool const accounted, quota_is_accounted(volume));
  if (accounted && !same_owners(first.core(), second.core())) {
    return refuse(EINVAL, "quota is accounted and the owners differ");
  }
  if (second.nextents() < first.nextents()) {
    return with_operand(refuse(EINVAL, "has fewer mappings than FILE1, whose it would get"), 2);
  }
  if (volume.geometry().has_ro(ro_compat::rmapbt)) return success();
  XFSX_TRYV(check_fit(volume, first, second, 1));
  return check_fit(volume, second, first, 2);
}

}  // namespace

Result<void> check_like_swapext(Volume& volume, Inode const& first, Inode const& second,
                                ExchangeRequest const& request) {
  if (first.number == second.number) return refuse(EINVAL, "both operands are the same file");
  if (first.is_realtime() && volume.geometry().realtime().groups) {
    return refuse(EOPNOTSUPP, "this call knows no files of realtime groups");
  }
  XFSX_TRYV(check_sizes(first.size(), second.size(), request));
  XFSX_TRYV(check_formats(volume, first, second));
  if (!request.fresh) return success();
  return check_fresh_times(second, *request.fresh);
}

}  // namespace xfsx::inline v0
