#include "format/block_kind.h"

#include "base/crc32c.h"

namespace xfsx::inline v0 {

namespace {

Error bad(BlockKind const& kind, BlockContext const& context, std::string_view field, u64 found,
          u64 expected, Relation relation) {
  Error e = located(Errc::bad_value, kind.name, context.where);
  e.field = field;
  e.relation = relation;
  e.found.number = found;
  e.expected.number = expected;
  return e;
}

Result<void> check_crc(BlockKind const& kind, ConstBytes block, BlockContext const& context) {
  if (kind.crc == BlockKind::none || crc32c_matches(block, kind.crc)) return success();
  Error e = bad(kind, context, "crc", view_as<le32>(block, kind.crc).value(),
                crc32c_without(block, kind.crc), Relation::equal);
  e.code = Errc::bad_crc;
  e.found.hex = e.expected.hex = true;
  return e;
}

Result<void> check_uuid(BlockKind const& kind, ConstBytes block, BlockContext const& context) {
  if (kind.uuid == BlockKind::none) return success();
  Uuid const& found = view_as<Uuid>(block, kind.uuid);
  Uuid const& expected = context.geometry.meta_uuid();
  if (found == expected) return success();
  Error e = bad(kind, context, "uuid", 0, 0, Relation::equal);
  e.found.uuid = found;
  e.expected.uuid = expected;
  e.found.is_uuid = e.expected.is_uuid = true;
  return e;
}

}  // namespace

Result<void> verify_block(BlockKind const& kind, ConstBytes block, BlockContext const& context,
                          Lsn head) {
  if (!context.geometry.version().self_describing) {
    return kind.verify == nullptr ? Result<void>(success()) : kind.verify(block, context);
  }
  XFSX_TRYV(check_crc(kind, block, context));
  XFSX_TRYV(check_uuid(kind, block, context));
  if (kind.address != BlockKind::none) {
    u64 const found = view_as<be64>(block, kind.address).value();
    if (found != context.where.address) {
      return bad(kind, context, "bno", found, context.where.address, Relation::equal);
    }
  }
  if (kind.owner != BlockKind::none && kind.owner_is_ag) {
    u32 const found = view_as<be32>(block, kind.owner).value();
    if (found != context.where.ag.raw()) {
      return bad(kind, context, "owner", found, context.where.ag.raw(), Relation::equal);
    }
  }
  Lsn const lsn = lsn_of(kind, block);
  if (head.raw() != 0 && lsn != null_lsn && lsn > head) {
    return bad(kind, context, "lsn", lsn.raw(), head.raw(), Relation::at_most);
  }
  return kind.verify == nullptr ? Result<void>(success()) : kind.verify(block, context);
}

Result<void> verify_owner(BlockKind const& kind, ConstBytes block, BlockContext const& context,
                          InodeNumber owner) {
  if (kind.owner == BlockKind::none || kind.owner_is_ag) return success();
  if (!context.geometry.version().self_describing) return success();
  u64 const found = view_as<be64>(block, kind.owner).value();
  if (found == owner.raw()) return success();
  Error e = bad(kind, context, "owner", found, owner.raw(), Relation::equal);
  e.owner = owner;
  return e;
}

Lsn lsn_of(BlockKind const& kind, ConstBytes block) {
  if (kind.lsn == BlockKind::none) return Lsn(0);
  return view_as<be<Lsn>>(block, kind.lsn).value();
}

void stamp_block(BlockKind const& kind, Bytes block, Lsn lsn) {
  if (kind.lsn != BlockKind::none) edit_as<be<Lsn>>(block, kind.lsn) = lsn;
  if (kind.crc != BlockKind::none) crc32c_stamp(block, kind.crc);
}

}  // namespace xfsx::inline v0
