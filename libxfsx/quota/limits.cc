#include "quota/limits.h"

#include <fmt/format.h>
#include <algorithm>
#include <optional>

namespace xfsx::inline v0 {

namespace {

using disk::Dquot;

/// Where a dquot keeps what it knows of one resource.
struct Resource {
  be64 Dquot::* hard;
  be64 Dquot::* soft;
  be64 Dquot::* count;
  be32 Dquot::* timer;
  QuotaGrant QuotaGrants::* grant;
  std::string_view hard_name, soft_name;
};

constexpr Resource blocks{&Dquot::blk_hardlimit, &Dquot::blk_softlimit, &Dquot::bcount,
                          &Dquot::btimer,        &QuotaGrants::blocks,  "blk_hardlimit",
                          "blk_softlimit"};
constexpr Resource inodes{&Dquot::ino_hardlimit, &Dquot::ino_softlimit, &Dquot::icount,
                          &Dquot::itimer,        &QuotaGrants::inodes,  "ino_hardlimit",
                          "ino_softlimit"};
constexpr Resource rt_blocks{&Dquot::rtb_hardlimit, &Dquot::rtb_softlimit,   &Dquot::rtbcount,
                             &Dquot::rtbtimer,      &QuotaGrants::rt_blocks, "rtb_hardlimit",
                             "rtb_softlimit"};

constexpr u32 bigtime_shift = 2;
constexpr s64 last_moment = s64{~u32{0}} << bigtime_shift;

bool has_bigtime(Dquot const& dquot) {
  return (dquot.type & disk::dquot_type::bigtime) != 0;
}

/// When a timer runs out, in seconds since 1970; 0 if it does not run.
s64 end_of(Dquot const& dquot, be32 const& timer) {
  s64 const stored = timer.value();
  return has_bigtime(dquot) ? stored << bigtime_shift : stored;
}

/// The nearest moment that a timer can hold. Units of more than a second are rounded up.
u32 timer_for(Dquot const& dquot, s64 end) {
  s64 const units = has_bigtime(dquot) ? (end + 3) >> bigtime_shift : end;
  return static_cast<u32>(std::clamp<s64>(units, 1, ~u32{0}));
}

std::optional<u64> changed(u64 count, s64 delta) {
  u64 const size = delta < 0 ? u64{0} - static_cast<u64>(delta) : static_cast<u64>(delta);
  if (delta < 0) return size <= count ? std::optional(count - size) : std::nullopt;
  return size <= ~count ? std::optional(count + size) : std::nullopt;
}

QuotaGrant grant_of(Dquot const& zero, Resource const& resource) {
  QuotaGrant grant{(zero.*resource.hard).value(), (zero.*resource.soft).value()};
  u32 const grace = (zero.*resource.timer).value();
  if (grace != 0) grant.grace = grace;
  return grant;
}

std::string_view kind_name(Dquot const& dquot) {
  for (QuotaForm const& form : quota_forms) {
    if ((dquot.type & disk::dquot_type::kinds) == form.type) return form.name;
  }
  return "dquot";
}

Error refuse_limit(Dquot const& dquot, std::string_view field, u64 count, u64 limit,
                   std::string_view reason) {
  bool const project = (dquot.type & disk::dquot_type::project) != 0;
  Error e = refuse(project ? ENOSPC : EDQUOT, reason);
  e.structure = disk::Layout<Dquot>::name;
  e.field = field;
  e.relation = Relation::at_most;
  e.found.number = count;
  e.expected.number = limit;
  return with_note(e, fmt::format("{} {}", kind_name(dquot), dquot.id.value()));
}

Result<void> check_limit(Dquot const& dquot, Resource const& resource, s64 delta,
                         QuotaGrants const& grants, s64 now) {
  if (delta <= 0) return success();
  auto const own_or = [&](be64 const& own, u64 granted) {
    return own.value() != 0 ? own.value() : granted;
  };
  QuotaGrant const& grant = grants.*resource.grant;
  u64 const hard = own_or(dquot.*resource.hard, grant.hard);
  u64 const soft = own_or(dquot.*resource.soft, grant.soft);
  u64 const count = (dquot.*resource.count).value() + static_cast<u64>(delta);
  if (hard != 0 && count > hard) {
    return refuse_limit(dquot, resource.hard_name, count, hard, "a hard limit would be exceeded");
  }
  s64 const end = end_of(dquot, dquot.*resource.timer);
  if (soft != 0 && count > soft && end != 0 && now > end) {
    return refuse_limit(dquot, resource.soft_name, count, soft,
                        "a soft limit would be exceeded whose time of grace is over");
  }
  return success();
}

void take_limits(Dquot& dquot, Resource const& resource, QuotaGrant const& grant) {
  if ((dquot.*resource.soft).value() == 0) dquot.*resource.soft = grant.soft;
  if ((dquot.*resource.hard).value() == 0) dquot.*resource.hard = grant.hard;
}

void keep_timer(Dquot& dquot, Resource const& resource, QuotaGrant const& grant, s64 now) {
  u64 const hard = (dquot.*resource.hard).value();
  u64 const soft = (dquot.*resource.soft).value();
  u64 const count = (dquot.*resource.count).value();
  be32& timer = dquot.*resource.timer;
  if ((soft == 0 || count <= soft) && (hard == 0 || count <= hard)) {
    timer = 0;
  } else if (timer.value() == 0) {
    timer = timer_for(dquot, std::min(now, last_moment) + grant.grace);
  }
}

}  // namespace

QuotaGrants grants_of(Dquot const& zero) {
  return {grant_of(zero, blocks), grant_of(zero, inodes), grant_of(zero, rt_blocks)};
}

bool can_change(Dquot const& dquot, QuotaDelta const& delta) {
  return changed(dquot.bcount.value(), delta.blocks) &&
         changed(dquot.rtbcount.value(), delta.rt_blocks) &&
         changed(dquot.icount.value(), delta.inodes);
}

Result<void> check_limits(Dquot const& dquot, QuotaDelta const& delta, QuotaGrants const& grants,
                          s64 now) {
  if (dquot.id.value() == 0) return success();
  XFSX_TRYV(check_limit(dquot, blocks, delta.blocks, grants, now));
  XFSX_TRYV(check_limit(dquot, inodes, delta.inodes, grants, now));
  return check_limit(dquot, rt_blocks, delta.rt_blocks, grants, now);
}

void change_counts(Dquot& dquot, QuotaDelta const& delta, QuotaGrants const& grants, s64 now) {
  dquot.bcount = changed(dquot.bcount.value(), delta.blocks).value();
  dquot.rtbcount = changed(dquot.rtbcount.value(), delta.rt_blocks).value();
  dquot.icount = changed(dquot.icount.value(), delta.inodes).value();
  if (dquot.id.value() == 0) return;
  for (Resource const* resource : {&blocks, &inodes, &rt_blocks}) {
    take_limits(dquot, *resource, grants.*resource->grant);
    keep_timer(dquot, *resource, grants.*resource->grant, now);
  }
}

}  // namespace xfsx::inline v0
