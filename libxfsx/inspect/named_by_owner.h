#pragma once
// What is found by whose it is, and not by an address: a dquot by its id, a block of the realtime
// bitmap by its place in the file, the superblock of the realtime section.

#include "inspect/inspect.h"

namespace xfsx::inline v0::inspect {

/// The dquot of `id` in the quota file of `kind`, with the block that it lies in. Errors: io,
/// truncated; refused ENOENT if there is no such file, or the file has a hole there.
Result<Inspection> inspect_dquot(Geometry const& g, ByteSource& source, QuotaKind kind, u64 id);

/// Block `number` of the realtime bitmap or summary of a filesystem without groups. Errors: io,
/// truncated; refused EINVAL on others, ENOENT if the file has no such block.
Result<Inspection> inspect_realtime_words(Geometry const& g, ByteSource& source, Target::Kind which,
                                          u64 number);

/// The superblock of the realtime section. Errors: io, truncated; refused EINVAL if there is none,
/// ENODEV if its device was not given.
Result<Inspection> inspect_realtime_superblock(Geometry const& g, ByteSource& source);

}  // namespace xfsx::inline v0::inspect
