#include "recovery/finish_intents.h"

#include "recovery/finish.h"
#include "recovery/finish_attr.h"
#include "recovery/finish_bmap.h"
#include "recovery/finish_bring_in.h"
#include "recovery/finish_exchange.h"
#include "recovery/finish_free.h"
#include "recovery/finish_refcount.h"
#include "recovery/finish_rmap.h"

namespace xfsx::inline v0 {

namespace {

/// The first step of an intent.
struct FirstStep {
  Finishing& finishing;
  Intent const& intent;

  [[nodiscard]] Volume& volume() const { return finishing.bench.volume(); }

  Result<void> operator()(FreeIntent const& work) const {
    XFSX_TRYV(check_free(volume(), intent));
    return free_extents(finishing.bench, {work.extents, intent.realtime});
  }
  Result<void> operator()(RmapIntent const& work) const {
    XFSX_TRYV(check_rmap(volume(), intent));
    return change_rmaps(finishing.bench, {work.changes, intent.realtime});
  }
  Result<void> operator()(RefcountIntent const&) const {
    XFSX_TRYV(check_refcount(volume(), intent));
    return finish_refcount(finishing, intent);
  }
  Result<void> operator()(BmapIntent const&) const {
    XFSX_TRYV(check_bmap(volume(), intent));
    return finish_bmap(finishing, intent);
  }
  Result<void> operator()(AttrIntent const&) const {
    XFSX_TRYV(check_attr(volume(), intent));
    return finish_attr(finishing, intent);
  }
  Result<void> operator()(ExchangeIntent const&) const {
    XFSX_TRYV(check_exchange(volume(), intent));
    return finish_exchange(finishing, intent);
  }
};

/// What follows from a first step.
struct NextStep {
  Finishing& finishing;

  Result<void> operator()(RmapWork const& work) const {
    return change_rmaps(finishing.bench, work);
  }
  Result<void> operator()(FreeWork const& work) const {
    return free_extents(finishing.bench, work);
  }
  Result<void> operator()(BringInWork const& work) const { return bring_in(finishing.bench, work); }
};

/// Attributes come after everything else.
bool is_late(Intent const& intent) {
  return std::holds_alternative<AttrIntent>(intent.work);
}

Result<void> take_first_steps(Finishing& finishing, std::span<Intent const> intents, bool late) {
  for (Intent const& intent : intents) {
    if (is_late(intent) != late) continue;
    Result<void> const done = std::visit(FirstStep{finishing, intent}, intent.work);
    if (!done) return about(intent, done.error());
  }
  return success();
}

Result<void> do_what_is_left(Finishing& finishing) {
  while (!finishing.left.empty()) {
    LeftWork const work = std::move(finishing.left.front());
    finishing.left.pop_front();
    XFSX_TRYV(std::visit(NextStep{finishing}, work));
  }
  return success();
}

}  // namespace

Result<void> finish_intents(Workbench& bench, std::span<Intent const> intents, Timestamp now) {
  Finishing finishing{bench, now, {}};
  for (bool const late : {false, true}) {
    XFSX_TRYV(take_first_steps(finishing, intents, late));
    XFSX_TRYV(do_what_is_left(finishing));
  }
  return success();
}

}  // namespace xfsx::inline v0
