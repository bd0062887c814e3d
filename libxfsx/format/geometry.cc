#include "format/geometry.h"

#include "base/checked.h"
#include "base/crc32c.h"
#include "disk/realtime.h"

#include <fmt/format.h>

#include <bit>

namespace xfsx::inline v0 {

namespace {

using disk::Superblock;
using Check = CheckedView<Superblock>;

constexpr u32 crc_offset = offsetof(Superblock, crc);

Location superblock_location() {
  Location where;
  where.kind = AddressKind::daddr;
  where.ag = AgNumber(0);
  where.agblock = AgBlock(0);
  return where;
}

/// `member` is the log2 of `value`, which is a power of two in [low, high].
template <class M>
Result<void> check_power(Check const& sb, M const& member, u8 const& log, u32 low, u32 high) {
  XFSX_TRYV(sb.require(member.raw() >= low, member, low, Relation::at_least));
  XFSX_TRYV(sb.require(member.raw() <= high, member, high, Relation::at_most));
  XFSX_TRYV(sb.require(std::has_single_bit(member.raw()), member, std::bit_floor(u64{member.raw()}),
                       Relation::equal));
  return sb.equal(log, static_cast<u8>(std::countr_zero(member.raw())));
}

FormatVersion const& version_of(Check const& sb) {
  return (sb->versionnum.value() & version_bit::number_mask) == 4 ? format_v4 : format_v5;
}

/// The feature bits that count. Kernels that laid out the superblock wrongly wrote the second word
/// four bytes further on: Linux takes both.
Features features_of(Check const& sb) {
  Features f;
  f.version = sb->versionnum.value();
  if (!version_of(sb).self_describing) {
    bool const more = (f.version & version_bit::more_bits) != 0;
    if (more) f.features2 = sb->features2.value() | sb->bad_features2.value();
    return f;
  }
  f.compat = sb->features_compat.value();
  f.ro_compat = sb->features_ro_compat.value();
  f.incompat = sb->features_incompat.value();
  f.log_incompat = sb->features_log_incompat.value();
  return f;
}

Result<void> check_identity(Check const& sb, ConstBytes sector) {
  if (sb->magicnum.value() != disk::superblock_magic) {
    Error e = located(Errc::not_xfs, "sb", superblock_location());
    e.field = "magicnum";
    e.found = {sb->magicnum.value(), {}, false, true};
    e.expected = {disk::superblock_magic, {}, false, true};
    e.relation = Relation::equal;
    return e;
  }
  u32 const version = sb->versionnum.value() & version_bit::number_mask;
  XFSX_TRYV(sb.require(version == 4 || version == 5, sb->versionnum, 5, Relation::equal));
  // The size is needed for the checksum, so it is the one number that is checked before it.
  XFSX_TRYV(check_power(sb, sb->sectsize, sb->sectlog, 512, 32768));
  if (sector.size() < sb->sectsize.value()) {
    return located(Errc::truncated, "sb", superblock_location());
  }
  if (!version_of(sb).self_describing) return success();
  ConstBytes const whole = sector.first(sb->sectsize.value());
  if (!crc32c_matches(whole, crc_offset)) {
    Error e = located(Errc::bad_crc, "sb", superblock_location());
    e.field = "crc";
    e.relation = Relation::equal;
    e.found = {sb->crc.value(), {}, false, true};
    e.expected = {crc32c_without(whole, crc_offset), {}, false, true};
    return e;
  }
  return success();
}

/// What Linux reads too: directories of the second version, mappings with the flag of unwritten
/// ones, and no bit that has no meaning.
Result<void> check_features_v4(Check const& sb) {
  Features const f = features_of(sb);
  if ((f.version & version_bit::dirv2) == 0) {
    return with_structure(refuse(EOPNOTSUPP, "directories of version 1 are not supported"), "sb");
  }
  if ((f.version & version_bit::extflg) == 0) {
    return with_structure(
        refuse(EOPNOTSUPP, "mappings without a flag for unwritten ones are not supported"), "sb");
  }
  if ((f.version & version_bit::shared) != 0) {
    return with_structure(refuse(EOPNOTSUPP, "shared read-only filesystems are not supported"),
                          "sb");
  }
  if (u32 const unknown = f.features2 & ~feature2::known_v4; unknown != 0) {
    return with_note(refuse(EOPNOTSUPP, "unknown bits of features2"),
                     fmt::format("{:#x}", unknown));
  }
  return sb.equal(sb->inprogress, u8{0});
}

Result<void> check_features(Check const& sb) {
  if (!version_of(sb).self_describing) return check_features_v4(sb);
  u32 const bits = sb->features_incompat.value();
  if (u32 const unknown = bits & ~incompat::known; unknown != 0) {
    return with_note(refuse(EOPNOTSUPP, "unknown incompat feature bits"),
                     fmt::format("{:#x}", unknown));
  }
  if ((bits & incompat::needs_repair) != 0) {
    Error e = make_error(Errc::needs_repair, EUCLEAN,
                         "the filesystem is marked NEEDSREPAIR; run xfs_repair first");
    return with_structure(e, "sb");
  }
  return sb.equal(sb->inprogress, u8{0});
}

Result<void> check_sizes(Check const& sb) {
  XFSX_TRYV(check_power(sb, sb->blocksize, sb->blocklog, 1024, 65536));
  XFSX_TRYV(
      sb.at_most<u16>(sb->sectsize, static_cast<u16>(std::min<u32>(sb->blocksize.value(), 32768))));
  XFSX_TRYV(check_power(sb, sb->inodesize, sb->inodelog, version_of(sb).smallest_inode, 2048));
  XFSX_TRYV(
      sb.equal(sb->inopblock, static_cast<u16>(sb->blocksize.value() / sb->inodesize.value())));
  XFSX_TRYV(sb.equal(sb->inopblog, static_cast<u8>(sb->blocklog - sb->inodelog)));
  XFSX_TRYV(sb.require(sb->dirblklog + sb->blocklog <= 16, sb->dirblklog, u64{16} - sb->blocklog,
                       Relation::at_most));
  return sb.at_most(sb->imax_pct, u8{100});
}

Result<void> check_groups(Check const& sb) {
  u32 const per_ag = sb->agblocks.value();
  XFSX_TRYV(sb.at_least<u32>(sb->agblocks, 64));
  XFSX_TRYV(sb.at_least<u32>(sb->agcount, 1));
  // agblocks << blocklog must stay below 1 TiB, which bounds every agblock and agino to 32 bits.
  XFSX_TRYV(sb.at_most<u32>(
      sb->agblocks, static_cast<u32>(std::min<u64>((u64{1} << 40) >> sb->blocklog, 1U << 31))));
  XFSX_TRYV(sb.equal(sb->agblklog, static_cast<u8>(std::bit_width(per_ag - 1))));
  XFSX_TRYV(sb.require(sb->agblklog + sb->inopblog <= 32, sb->inopblog, u64{32} - sb->agblklog,
                       Relation::at_most));
  u64 const most = u64{per_ag} * sb->agcount.value();
  XFSX_TRYV(sb.at_most<u64>(sb->dblocks, most));
  XFSX_TRYV(sb.at_least<u64>(sb->dblocks, most - per_ag + 64));
  // Byte and basic block addresses of the whole device fit 63 bits.
  XFSX_TRYV(sb.at_most<u64>(sb->dblocks, (u64{1} << 62) >> sb->blocklog));
  XFSX_TRYV(sb.at_most<u64>(sb->fdblocks, sb->dblocks.value()));
  return sb.at_most<u64>(sb->ifree, sb->icount.value());
}

Result<void> check_inode_alignment(Check const& sb) {
  u32 const chunk = 64 * u32{sb->inodesize.value()} / sb->blocksize.value();
  if (!features_of(sb).has_incompat(incompat::spinodes)) {
    XFSX_TRYV(sb.require(sb->inoalignmt.raw() == 0 || std::has_single_bit(sb->inoalignmt.raw()),
                         sb->inoalignmt, 1, Relation::multiple_of));
    return sb.at_most<u32>(sb->inoalignmt, sb->agblocks.value());
  }
  XFSX_TRYV(sb.equal<u32>(sb->inoalignmt, chunk));
  // No part of a chunk has blocks of its own where a block holds a chunk or more.
  if (chunk <= 1) return sb.at_most<u32>(sb->spino_align, chunk);
  XFSX_TRYV(sb.at_least<u32>(sb->spino_align, 1));
  XFSX_TRYV(sb.at_most<u32>(sb->spino_align, chunk));
  return sb.require(std::has_single_bit(sb->spino_align.raw()), sb->spino_align,
                    std::bit_floor(u64{sb->spino_align.raw()}), Relation::equal);
}

Result<void> check_log(Check const& sb) {
  XFSX_TRYV(sb.at_least<u32>(sb->logblocks, 512));
  XFSX_TRYV(sb.at_most<u32>(sb->logblocks, 1U << 20));
  u64 const bytes = u64{sb->logblocks.value()} << sb->blocklog;
  XFSX_TRYV(sb.require(bytes <= (u64{1} << 31), sb->logblocks, (u64{1} << 31) >> sb->blocklog,
                       Relation::at_most));
  u32 const unit = sb->logsunit.value();
  if (unit > 1) {
    XFSX_TRYV(sb.at_most<u32>(sb->logsunit, 256 * 1024));
    XFSX_TRYV(sb.require(unit % 512 == 0, sb->logsunit, 512, Relation::multiple_of));
  }
  if ((sb->versionnum.value() & version_bit::sector) != 0) {
    XFSX_TRYV(check_power(sb, sb->logsectsize, sb->logsectlog, 512, 32768));
  } else {
    XFSX_TRYV(sb.equal<u16>(sb->logsectsize, u16{0}));
    XFSX_TRYV(sb.equal(sb->logsectlog, u8{0}));
  }
  u64 const start = sb->logstart.raw();
  if (start == 0) return success();
  u64 const ag = start >> sb->agblklog;
  u64 const block = start & ((u64{1} << sb->agblklog) - 1);
  u64 const ag_first = ag * sb->agblocks.value();
  bool const inside =
      ag < sb->agcount.value() && ag_first < sb->dblocks.value() &&
      range_inside<u64>(block, sb->logblocks.value(),
                        std::min<u64>(sb->agblocks.value(), sb->dblocks.value() - ag_first));
  return sb.require(inside, sb->logstart, sb->dblocks.value() - sb->logblocks.value(),
                    Relation::at_most);
}

/// Groups of the realtime section, which every filesystem with METADIR counts, if only none.
Result<void> check_realtime_groups(Check const& sb) {
  constexpr u64 most_blocks = u64{1} << 31;
  u64 const group = u64{sb->rgextents.value()} * sb->rextsize.value();
  XFSX_TRYV(sb.at_least<u32>(sb->rgextents, 1));
  XFSX_TRYV(sb.require(group <= most_blocks, sb->rgextents, most_blocks / sb->rextsize.value(),
                       Relation::at_most));
  XFSX_TRYV(sb.equal(sb->rgblklog, static_cast<u8>(std::bit_width(group - 1))));
  u64 const count = div_round_up<u64>(sb->rextents.value(), sb->rgextents.value());
  XFSX_TRYV(sb.require(sb->rgcount.value() == count, sb->rgcount, count, Relation::equal));
  // Where groups have gaps between them, addresses go as far as the numbers of groups.
  u64 const reach = (u64{1} << (62 - sb->blocklog)) >> sb->rgblklog;
  XFSX_TRYV(sb.require(sb->rgcount.value() <= reach, sb->rgcount, reach, Relation::at_most));
  if (!features_of(sb).has_incompat(incompat::zoned)) return success();
  bool const behind = sb->rtstart.raw() == 0 || sb->rtstart.raw() >= sb->dblocks.value();
  XFSX_TRYV(sb.require(behind, sb->rtstart, sb->dblocks.value(), Relation::at_least));
  XFSX_TRYV(sb.require(sb->rtstart.raw() <= u64{1} << (62 - sb->blocklog), sb->rtstart,
                       u64{1} << (62 - sb->blocklog), Relation::at_most));
  return sb.at_most<u64>(sb->rtreserved, sb->rblocks.value());
}

Result<void> check_realtime(Check const& sb) {
  bool const groups = features_of(sb).has_incompat(incompat::metadir);
  if (sb->rblocks.value() == 0 && !groups) return success();
  XFSX_TRYV(sb.at_least<u32>(sb->rextsize, 1));
  XFSX_TRYV(sb.at_most<u32>(sb->rextsize, (1U << 30) >> sb->blocklog));
  // As for the data device, so that addresses fit 63 bits.
  XFSX_TRYV(sb.at_most<u64>(sb->rblocks, (u64{1} << 62) >> sb->blocklog));
  XFSX_TRYV(sb.equal<u64>(sb->rextents, sb->rblocks.value() / sb->rextsize.value()));
  u64 const extents = sb->rextents.value();
  XFSX_TRYV(
      sb.equal(sb->rextslog, static_cast<u8>(extents == 0 ? 0 : std::bit_width(extents) - 1)));
  if (groups) {
    XFSX_TRYV(check_realtime_groups(sb));
  }
  XFSX_TRYV(sb.at_most<u64>(sb->frextents, extents));
  u64 const mapped = groups ? sb->rgextents.value() : extents;
  u64 const header = groups ? sizeof(disk::RtBufferHeader) : 0;
  bool const zoned = features_of(sb).has_incompat(incompat::zoned);
  u64 const words = (sb->blocksize.value() - header) / sizeof(be32);
  u64 const blocks = zoned || extents == 0 ? 0 : div_round_up<u64>(mapped, words * 32);
  return sb.require(sb->rbmblocks.value() == blocks, sb->rbmblocks, blocks, Relation::equal);
}

RealtimeShape realtime_of(Check const& sb) {
  Features const features = features_of(sb);
  RealtimeShape shape;
  shape.blocks = sb->rblocks.value();
  shape.extents = sb->rextents.value();
  shape.extent_blocks = sb->rextsize.value();
  shape.bitmap_blocks = sb->rbmblocks.value();
  shape.groups = features.has_incompat(incompat::metadir);
  if (!shape.groups) return shape;
  shape.group_count = sb->rgcount.value();
  shape.group_extents = sb->rgextents.value();
  shape.group_block_log = sb->rgblklog;
  bool const zoned = features.has_incompat(incompat::zoned);
  shape.start = zoned ? sb->rtstart.raw() : 0;
  shape.gaps = features.has_incompat(incompat::zone_gaps);
  shape.super = shape.blocks != 0 && !zoned;
  return shape;
}

Result<void> check_device(Check const& sb, SuperblockLimits const& limits) {
  XFSX_TRYV(sb.require(sb->sectsize.value() >= limits.logical_sector, sb->sectsize,
                       limits.logical_sector, Relation::at_least));
  RealtimeShape const realtime = realtime_of(sb);
  bool const further = realtime.on_data_device();
  u64 const blocks = further ? realtime.end() : sb->dblocks.value();
  if (limits.device_bytes == 0 || blocks <= limits.device_bytes >> sb->blocklog) return success();
  Error e = located(Errc::truncated, "sb", superblock_location());
  e.field = further ? "rblocks" : "dblocks";
  e.relation = Relation::at_most;
  e.found.number = blocks;
  e.expected.number = limits.device_bytes >> sb->blocklog;
  e.reason = "the image ends before the filesystem does";
  return e;
}

}  // namespace

Result<Geometry> Geometry::from_superblock(ConstBytes sector, SuperblockLimits const& limits) {
  if (!fits<Superblock>(sector)) return located(Errc::truncated, "sb", superblock_location());
  Check const sb(view_as<Superblock>(sector), superblock_location());
  XFSX_TRYV(check_identity(sb, sector));
  XFSX_TRYV(check_features(sb));
  XFSX_TRYV(check_sizes(sb));
  XFSX_TRYV(check_groups(sb));
  XFSX_TRYV(check_inode_alignment(sb));
  XFSX_TRYV(check_log(sb));
  XFSX_TRYV(check_realtime(sb));
  XFSX_TRYV(check_device(sb, limits));

  Geometry g;
  g.block_size_ = sb->blocksize.value();
  g.block_log_ = sb->blocklog;
  g.sector_size_ = sb->sectsize.value();
  g.data_blocks_ = sb->dblocks.value();
  g.realtime_ = realtime_of(sb);
  g.ag_blocks_ = sb->agblocks.value();
  g.ag_block_log_ = sb->agblklog;
  g.ag_count_ = sb->agcount.value();
  g.inode_size_ = sb->inodesize.value();
  g.inode_per_block_log_ = sb->inopblog;
  g.dir_block_log_ = sb->dirblklog;
  g.log_start_ = sb->logstart.value();
  g.log_blocks_ = sb->logblocks.value();
  g.log_unit_ = sb->logsunit.value() > 1 ? sb->logsunit.value() : 0;
  g.log_sector_size_ = sb->logsectsize.value() != 0 ? sb->logsectsize.value() : 512;
  g.root_inode_ = sb->rootino.value();
  g.version_ = &version_of(sb);
  g.features_ = features_of(sb);
  g.uuid_ = sb->uuid;
  g.meta_uuid_ = g.has(incompat::meta_uuid) ? sb->meta_uuid : sb->uuid;

  // Linux reads and logs inodes in clusters of 8 KiB for each 256 bytes of inode size where the
  // chunk alignment allows it, in version 4 always of 8 KiB; log items name the cluster, so ours
  // must be the same.
  u32 const growth = g.version_->self_describing ? g.inode_size_ / 256 : 1;
  u32 const big = 8192U * growth / g.block_size_;
  u32 const small = 8192U / g.block_size_;
  bool const aligned =
      g.version_->self_describing || (g.features_.version & version_bit::align) != 0;
  g.inode_align_ = aligned ? sb->inoalignmt.value() : 0;
  g.cluster_blocks_ = std::max(g.inode_align_ >= big ? big : small, u32{1});
  if (g.has(incompat::metadir)) g.metadata_root_ = sb->metadirino.value();
  if (!g.valid(g.root_inode_)) {
    XFSX_TRYV(sb.require(false, sb->rootino, g.ag_count_, Relation::below));
  }
  if (g.has(incompat::metadir) && !g.valid(g.metadata_root_)) {
    XFSX_TRYV(sb.require(false, sb->metadirino, g.ag_count_, Relation::below));
  }
  return g;
}

u32 Geometry::blocks_of(AgNumber ag) const {
  u64 const first = u64{ag.raw()} * ag_blocks_;
  if (ag.raw() >= ag_count_ || first >= data_blocks_) return 0;
  return static_cast<u32>(std::min<u64>(ag_blocks_, data_blocks_ - first));
}

Location Geometry::locate(Daddr address) const {
  Location where;
  where.kind = AddressKind::daddr;
  where.address = address.raw();
  u64 const block = address.raw() >> (block_log_ - 9);
  if (block < data_blocks_) {
    where.ag = AgNumber(static_cast<u32>(block / ag_blocks_));
    where.agblock = AgBlock(static_cast<u32>(block % ag_blocks_));
  }
  return where;
}

bool Geometry::valid(AgNumber ag, AgBlock block) const {
  u32 const headers = div_round_up(4 * sector_size_, block_size_);
  return block.raw() >= headers && block.raw() < blocks_of(ag);
}

bool Geometry::valid(FsBlock start, BlockCount count) const {
  if ((start.raw() >> ag_block_log_) >= ag_count_ || count.raw() == 0) return false;
  AgNumber const ag = ag_of(start);
  return valid(ag, agblock_of(start)) &&
         range_inside<u64>(agblock_of(start).raw(), count.raw(), blocks_of(ag));
}

bool Geometry::overlaps_log(FsBlock start, BlockCount count) const {
  if (!has_internal_log()) return false;
  return start.raw() < log_start_.raw() + log_blocks_ &&
         log_start_.raw() < start.raw() + count.raw();
}

bool Geometry::valid(InodeNumber ino) const {
  u32 const shift = ag_block_log_ + inode_per_block_log_;
  if ((ino.raw() >> shift) >= ag_count_) return false;
  AgBlock const block(static_cast<u32>(agino_of(ino).raw() >> inode_per_block_log_));
  return valid(ag_of(ino), block);
}

InodePlace Geometry::place(InodeNumber ino, AgInode chunk) const {
  AgNumber const ag = ag_of(ino);
  u32 const agino = agino_of(ino).raw();
  u32 const block = agino >> inode_per_block_log_;
  u32 const in_block = agino & ((1U << inode_per_block_log_) - 1);
  u32 const chunk_block = inode_align_ >= cluster_blocks_ && inode_align_ != 0
                              ? block & ~(inode_align_ - 1)
                              : chunk.raw() >> inode_per_block_log_;
  u32 const cluster = cluster_blocks_ == 1
                          ? block
                          : chunk_block + (block - chunk_block) / cluster_blocks_ * cluster_blocks_;
  InodePlace p;
  p.cluster = daddr(ag, AgBlock(cluster));
  p.cluster_length = sectors(BlockCount(cluster_blocks_));
  p.offset = (block - cluster) * block_size_ + in_block * inode_size_;
  return p;
}

Result<void> check_writable(Geometry const& geometry) {
  Features const& f = geometry.features();
  if (!geometry.version().self_describing) {
    return with_structure(refuse(EOPNOTSUPP, "version 4 filesystems are not written"), "sb");
  }
  if (f.has_incompat(incompat::zoned)) return refuse(EOPNOTSUPP, "the filesystem is zoned");
  u32 const unknown = f.ro_compat & ~ro_compat::known;
  if (unknown == ro_compat::stray_repair_bit) {
    return refuse(
        EOPNOTSUPP,
        "ro_compat bit 0x40 is set: no feature, but what a faulty xfs_repair upgrade left; "
        "clear it with a current xfs_repair");
  }
  if (unknown != 0) {
    return with_note(refuse(EOPNOTSUPP, "unknown ro_compat feature bits, writing is refused"),
                     fmt::format("{:#x}", unknown));
  }
  if (u32 const bits = f.log_incompat & ~log_incompat::known; bits != 0) {
    return with_note(refuse(EOPNOTSUPP, "unknown log_incompat feature bits, writing is refused"),
                     fmt::format("{:#x}", bits));
  }
  return success();
}

}  // namespace xfsx::inline v0
