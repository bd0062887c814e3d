#include "format/verify_quota.h"

#include "base/crc32c.h"
#include "disk/quota.h"

#include <bit>

namespace xfsx::inline v0 {

namespace {

using disk::Dquot;
using disk::DquotRecord;

constexpr std::string_view block_name = "dquot block";

/// A soft limit that is exceeded has a timer that runs.
Result<void> check_timer(CheckedView<Dquot> const& dquot, be64 const& soft, be64 const& count,
                         be32 const& timer) {
  bool const exceeded = soft.value() != 0 && count.value() > soft.value();
  return dquot.require(!exceeded || timer.value() != 0, timer, 1, Relation::at_least);
}

/// Checksum and uuid, where records have them.
Result<void> check_identity(ConstBytes record, BlockContext const& context) {
  if (!context.geometry.version().self_describing) return success();
  auto const& stored = view_as<DquotRecord>(record);
  CheckedView const dquot(stored, context.where, block_name);
  if (!crc32c_matches(record, offsetof(DquotRecord, crc))) {
    Error e = located(Errc::bad_crc, block_name, context.where);
    e.field = "crc";
    e.relation = Relation::equal;
    e.found = {stored.crc.value(), {}, false, true};
    e.expected = {crc32c_without(record, offsetof(DquotRecord, crc)), {}, false, true};
    return e;
  }
  return dquot.equal(dquot->uuid, context.geometry.meta_uuid());
}

Result<void> check_core(Dquot const& core, BlockContext const& context) {
  namespace type = disk::dquot_type;
  CheckedView const dquot(core, context.where, block_name);
  XFSX_TRYV(dquot.equal(dquot->magic, disk::dquot_magic));
  XFSX_TRYV(dquot.equal(dquot->version, disk::dquot_version));
  u8 const allowed =
      context.geometry.has(incompat::bigtime) ? type::kinds | type::bigtime : type::kinds;
  XFSX_TRYV(
      dquot.require((dquot->type & ~allowed) == 0, dquot->type, allowed, Relation::one_of_bits));
  bool const one_kind = std::has_single_bit(static_cast<u8>(dquot->type & type::kinds));
  XFSX_TRYV(dquot.require(one_kind, dquot->type, type::kinds, Relation::one_of_bits));
  // The record of id 0 has the times that others are granted, which have no epoch.
  bool const granted = dquot->id.value() == 0;
  XFSX_TRYV(dquot.require(!granted || (dquot->type & type::bigtime) == 0, dquot->type, type::kinds,
                          Relation::one_of_bits));
  if (granted) return success();
  XFSX_TRYV(check_timer(dquot, dquot->blk_softlimit, dquot->bcount, dquot->btimer));
  XFSX_TRYV(check_timer(dquot, dquot->ino_softlimit, dquot->icount, dquot->itimer));
  return check_timer(dquot, dquot->rtb_softlimit, dquot->rtbcount, dquot->rtbtimer);
}

/// One kind of owner, by rising id, the first of them at a multiple of what a block holds.
Result<void> verify_dquots(ConstBytes block, BlockContext const& context) {
  u32 const count = dquots_per_block(context.geometry);
  auto const& first = view_as<Dquot>(block);
  CheckedView const head(first, context.where, block_name);
  XFSX_TRYV(head.equal(head->magic, disk::dquot_magic));
  XFSX_TRYV(head.require(head->id.value() % count == 0, head->id, count, Relation::multiple_of));
  for (u32 i = 0; i < count; ++i) {
    ConstBytes const record = block.subspan(i * sizeof(DquotRecord), sizeof(DquotRecord));
    XFSX_TRYV(check_identity(record, context));
    CheckedView const dquot(view_as<Dquot>(record), context.where, block_name);
    XFSX_TRYV(dquot.equal<u32>(dquot->id, first.id.value() + i));
  }
  // What the id is says what else may be: all ids come first.
  for (u32 i = 0; i < count; ++i) {
    auto const& record = view_as<Dquot>(block, i * sizeof(DquotRecord));
    CheckedView const dquot(record, context.where, block_name);
    XFSX_TRYV(check_core(record, context));
    u8 const kinds = disk::dquot_type::kinds;
    XFSX_TRYV(dquot.require((dquot->type & kinds) == (first.type & kinds), dquot->type,
                            first.type & kinds, Relation::equal));
  }
  return success();
}

template <u8 Type>
Result<void> verify_dquots_of(ConstBytes block, BlockContext const& context) {
  XFSX_TRYV(verify_dquots(block, context));
  auto const& first = view_as<Dquot>(block);
  return verify_dquot_owner(block, context, Type, first.id.value());
}

template <u8 Type>
constexpr BlockKind kind_of(disk::BufferType log_type) {
  return {.name = block_name,
          .log_type = log_type,
          .crc = BlockKind::none,
          .lsn = BlockKind::none,
          .uuid = BlockKind::none,
          .verify = verify_dquots_of<Type>};
}

}  // namespace

u32 dquots_per_block(Geometry const& geometry) {
  return geometry.block_size() / static_cast<u32>(sizeof(DquotRecord));
}

Result<void> verify_dquot(ConstBytes record, BlockContext const& context) {
  XFSX_TRYV(check_identity(record, context));
  return check_core(view_as<Dquot>(record), context);
}

Result<void> verify_dquot_owner(ConstBytes record, BlockContext const& context, u8 type, u32 id) {
  CheckedView const dquot(view_as<Dquot>(record), context.where, block_name);
  XFSX_TRYV(dquot.equal<u32>(dquot->id, id));
  u8 const kind = dquot->type & disk::dquot_type::kinds;
  return dquot.require(kind == type, dquot->type, type, Relation::equal);
}

BlockKind const dquot_kind{.name = block_name,
                           .log_type = disk::BufferType::user_dquot,
                           .crc = BlockKind::none,
                           .lsn = BlockKind::none,
                           .uuid = BlockKind::none,
                           .verify = verify_dquots};

BlockKind const user_dquot_kind = kind_of<disk::dquot_type::user>(disk::BufferType::user_dquot);
BlockKind const group_dquot_kind = kind_of<disk::dquot_type::group>(disk::BufferType::group_dquot);
BlockKind const project_dquot_kind =
    kind_of<disk::dquot_type::project>(disk::BufferType::project_dquot);

}  // namespace xfsx::inline v0
