#include "txn/newer_block.h"

#include "base/endian.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// Where an LSN and the UUID of the filesystem lie in the layouts that metadata of version 5 has.
struct IdentityOffsets {
  u16 lsn, uuid;
};
constexpr IdentityOffsets identities[] = {{16, 24}, {24, 32}, {32, 40}, {48, 16}};

}  // namespace

bool looks_newer(ConstBytes bytes, Uuid const& uuid, Lsn head) {
  return std::ranges::any_of(identities, [&](IdentityOffsets const& at) {
    Lsn const lsn = view_as<be<Lsn>>(bytes, at.lsn).value();
    return view_as<Uuid>(bytes, at.uuid) == uuid && counts_as_lsn(lsn) && lsn >= head;
  });
}

}  // namespace xfsx::inline v0
