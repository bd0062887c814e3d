#include "exchange/privileges.h"

#include "attr/remove.h"

namespace xfsx::inline v0 {

namespace {

constexpr u16 set_id_bits = 06000;
constexpr AttributeName capability{AttributeSpace::security, "capability"};

}  // namespace

Result<void> settle_privileges(Transaction& txn, Inode const& inode, Bytes copy,
                               ExchangeRequest const& request, ExchangeSide& side) {
  bool const as_root = request.privileges == Privileges::as_root;
  // The older call gives a file a better copy of its own contents, and leaves it its privileges.
  if (request.privileges == Privileges::keep || (as_root && request.like_swapext)) return success();
  XFSX_TRY(side.capability_removed, remove_attribute(txn, inode, copy, capability));
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  side.blocks_after = core.nblocks.value();
  if (as_root) return success();
  u16 const mode = core.mode.value();
  side.set_id_cleared = (mode & set_id_bits) != 0;
  core.mode = static_cast<u16>(mode & ~set_id_bits);
  return success();
}

}  // namespace xfsx::inline v0
