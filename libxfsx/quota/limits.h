#pragma once
// What one dquot says: whether more fits below its limits, and how it is kept when its counts
// change. The rules are Linux's, so that a dquot is what it would be had Linux moved the blocks:
//
// * A limit that a dquot has not (zero) is that of the record of id 0, and when the counts change
//   it is written down as the dquot's own.
// * Above a soft limit a timer runs, from the moment on which it is exceeded; only when it has run
//   out does the soft limit bind. How long it runs, the record of id 0 says.
// * Id 0 itself is counted, never limited: its record holds what the others are granted.
//
// Pure.

#include "format/quota.h"

namespace xfsx::inline v0 {

/// A change of what a dquot counts, in filesystem blocks and inodes.
struct QuotaDelta {
  s64 blocks = 0;     ///< on the data device
  s64 rt_blocks = 0;  ///< on the realtime device
  s64 inodes = 0;

  [[nodiscard]] bool operator==(QuotaDelta const&) const = default;
};

/// What the record of id 0 grants of one resource.
struct QuotaGrant {
  u64 hard = 0, soft = 0;  ///< 0: no limit
  u32 grace = 7 * 86'400;  ///< seconds
};

struct QuotaGrants {
  QuotaGrant blocks, inodes, rt_blocks;
};

/// The grants in the record of id 0.
QuotaGrants grants_of(disk::Dquot const& zero);

/// Whether the counts can be changed so: a count from which more is taken than it has is wrong.
bool can_change(disk::Dquot const& dquot, QuotaDelta const& delta);

/// Whether limits allow the change. What shrinks is always allowed. `now`: seconds since 1970.
/// Errors: refused by name, with field, count and limit: EDQUOT, of projects ENOSPC, as Linux.
Result<void> check_limits(disk::Dquot const& dquot, QuotaDelta const& delta,
                          QuotaGrants const& grants, s64 now);

/// Changes the counts, of which can_change holds, and starts or stops the timers. Ids other than 0
/// take over the limits that they are granted.
void change_counts(disk::Dquot& dquot, QuotaDelta const& delta, QuotaGrants const& grants, s64 now);

}  // namespace xfsx::inline v0
