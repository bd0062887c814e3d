#include "format/verify_ag.h"

#include "disk/ag.h"
#include "format/verify_btree.h"

namespace xfsx::inline v0 {

namespace {

Result<void> verify_superblock(ConstBytes block, BlockContext const& context) {
  CheckedView const sb(view_as<disk::Superblock>(block), context.where);
  XFSX_TRYV(sb.equal(sb->magicnum, disk::superblock_magic));
  XFSX_TRYV(sb.equal(sb->uuid, context.geometry.uuid()));
  XFSX_TRYV(sb.equal<u64>(sb->dblocks, context.geometry.data_blocks()));
  XFSX_TRYV(sb.at_most<u64>(sb->ifree, sb->icount.value()));
  return sb.at_most<u64>(sb->fdblocks, sb->dblocks.value());
}

Result<void> check_root(CheckedView<disk::Agf> const& agf, BlockContext const& context,
                        be<AgBlock> const& root, be32 const& level, u32 height) {
  XFSX_TRYV(agf.at_least<u32>(level, 1));
  XFSX_TRYV(agf.at_most<u32>(level, height));
  return agf.require(context.geometry.valid(context.where.ag, root.value()), root,
                     context.geometry.blocks_of(context.where.ag), Relation::below);
}

Result<void> verify_agf(ConstBytes block, BlockContext const& context) {
  Geometry const& g = context.geometry;
  CheckedView const agf(view_as<disk::Agf>(block), context.where);
  XFSX_TRYV(agf.equal(agf->magicnum, disk::agf_magic));
  XFSX_TRYV(agf.equal<u32>(agf->versionnum, 1));
  XFSX_TRYV(agf.equal(agf->seqno, context.where.ag));
  XFSX_TRYV(agf.equal<u32>(agf->length, g.blocks_of(context.where.ag)));
  XFSX_TRYV(check_root(agf, context, agf->bnoroot, agf->bnolevel, max_alloc_height));
  XFSX_TRYV(check_root(agf, context, agf->cntroot, agf->cntlevel, max_alloc_height));
  if (g.has_ro(ro_compat::rmapbt)) {
    XFSX_TRYV(check_root(agf, context, agf->rmaproot, agf->rmaplevel, max_rmapbt_height));
    XFSX_TRYV(agf.at_most<u32>(agf->rmapblocks, agf->length.value()));
  }
  if (g.has_ro(ro_compat::reflink)) {
    XFSX_TRYV(check_root(agf, context, agf->refcntroot, agf->refcntlevel, max_refcountbt_height));
    XFSX_TRYV(agf.at_most<u32>(agf->refcntblocks, agf->length.value()));
  }
  u32 const slots = agfl_slots(g);
  XFSX_TRYV(agf.below<u32>(agf->flfirst, slots));
  XFSX_TRYV(agf.below<u32>(agf->fllast, slots));
  XFSX_TRYV(agf.at_most<u32>(agf->flcount, slots));
  XFSX_TRYV(agf.at_most<u32>(agf->freeblks, agf->length.value()));
  XFSX_TRYV(agf.at_most<u32>(agf->longest, agf->freeblks.value()));
  return agf.at_most<u32>(agf->btreeblks, agf->length.value());
}

Result<void> verify_agi(ConstBytes block, BlockContext const& context) {
  Geometry const& g = context.geometry;
  CheckedView const agi(view_as<disk::Agi>(block), context.where);
  u32 const end = g.blocks_of(context.where.ag);
  XFSX_TRYV(agi.equal(agi->magicnum, disk::agi_magic));
  XFSX_TRYV(agi.equal<u32>(agi->versionnum, 1));
  XFSX_TRYV(agi.equal(agi->seqno, context.where.ag));
  XFSX_TRYV(agi.equal<u32>(agi->length, end));
  XFSX_TRYV(agi.at_least<u32>(agi->level, 1));
  XFSX_TRYV(agi.at_most<u32>(agi->level, max_inobt_height));
  XFSX_TRYV(
      agi.require(g.valid(context.where.ag, agi->root.value()), agi->root, end, Relation::below));
  // At most 2^32 inodes fit a group: agblklog and inopblog make a number of 32 bits.
  u64 const most = u64{end} * g.inodes_per_block();
  XFSX_TRYV(agi.require(agi->count.value() <= most, agi->count, most, Relation::at_most));
  XFSX_TRYV(agi.at_most<u32>(agi->freecount, agi->count.value()));
  if (g.has_ro(ro_compat::finobt)) {
    XFSX_TRYV(agi.at_least<u32>(agi->free_level, 1));
    XFSX_TRYV(agi.at_most<u32>(agi->free_level, max_inobt_height));
    XFSX_TRYV(agi.require(g.valid(context.where.ag, agi->free_root.value()), agi->free_root, end,
                          Relation::below));
  }
  for (be<AgInode> const& head : agi->unlinked) {
    InodeNumber const ino = g.inode_number(context.where.ag, head.value());
    XFSX_TRYV(agi.require(head.value() == null_agino || g.valid(ino), head, null_agino.raw(),
                          Relation::equal));
  }
  return success();
}

Result<void> verify_agfl(ConstBytes block, BlockContext const& context) {
  CheckedView const agfl(view_as<disk::Agfl>(block), context.where);
  FormatVersion const& version = context.geometry.version();
  if (version.self_describing) {
    XFSX_TRYV(agfl.equal(agfl->magicnum, disk::agfl_magic));
    XFSX_TRYV(agfl.equal(agfl->seqno, context.where.ag));
  }
  u32 const end = context.geometry.blocks_of(context.where.ag);
  for (be<AgBlock> const& slot :
       view_array<be<AgBlock>>(block, version.agfl, agfl_slots(context.geometry))) {
    // Slots that are not in use hold the null block.
    if (slot.value() == null_agblock || slot.raw() < end) continue;
    Error e = located(Errc::bad_value, "agfl", context.where);
    e.field = "bno";
    e.relation = Relation::below;
    e.found.number = slot.raw();
    e.expected.number = end;
    return e;
  }
  return success();
}

}  // namespace

BlockKind const superblock_kind{.name = "sb",
                                .log_type = disk::BufferType::superblock,
                                .crc = 224,
                                .lsn = 240,
                                .uuid = BlockKind::none,
                                .verify = verify_superblock};
BlockKind const agf_kind{.name = "agf",
                         .log_type = disk::BufferType::agf,
                         .crc = 216,
                         .lsn = 208,
                         .uuid = 64,
                         .verify = verify_agf};
BlockKind const agi_kind{.name = "agi",
                         .log_type = disk::BufferType::agi,
                         .crc = 312,
                         .lsn = 320,
                         .uuid = 296,
                         .verify = verify_agi};
BlockKind const agfl_kind{.name = "agfl",
                          .log_type = disk::BufferType::agfl,
                          .crc = 32,
                          .lsn = 24,
                          .uuid = 8,
                          .verify = verify_agfl};

u32 agfl_slots(Geometry const& geometry) {
  return (geometry.sector_size() - geometry.version().agfl) / 4;
}

}  // namespace xfsx::inline v0
