#include "exchange/privileges.h"

#include "attr/remove.h"

namespace xfsx::inline v0 {

namespace {

constexpr u16 set_id_bits = 06000;
constexpr AttributeName capability{AttributeSpace::security, "capability"};

}  // namespace

Result<void> settle_privileges(Transaction& txn, Inode const& inode, Bytes copy,
                               Privileges privileges, ExchangeSide& side) {
  if (privileges == Privileges::keep) return success();
  XFSX_TRY(side.capability_removed, remove_attribute(txn, inode, copy, capability));
  if (privileges == Privileges::as_root) return success();
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  u16 const mode = core.mode.value();
  side.set_id_cleared = (mode & set_id_bits) != 0;
  core.mode = static_cast<u16>(mode & ~set_id_bits);
  return success();
}

}  // namespace xfsx::inline v0
