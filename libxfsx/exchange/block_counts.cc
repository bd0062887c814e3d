#include "exchange/block_counts.h"

namespace xfsx::inline v0 {

Result<void> move_blocks(EditedFile const& file, u64 own, u64 gained, u8 operand) {
  u64 const total = file.core().nblocks.value();
  if (own <= total) {
    file.core().nblocks = total - own + gained;
    return success();
  }
  Location where;
  where.kind = AddressKind::inode;
  where.address = file.inode.number.raw();
  Error e = located(Errc::bad_value, "inode", where);
  e.field = "nblocks";
  e.relation = Relation::at_least;
  e.found.number = total;
  e.expected.number = own;
  return with_operand(e, operand);
}

}  // namespace xfsx::inline v0
