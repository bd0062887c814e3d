#include "exchange/checks.h"

#include "base/checked.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"

#include <optional>

namespace xfsx::inline v0 {

namespace {

Result<BufferRef> load_superblock(Volume& volume) {
  SectorCount const sector(volume.geometry().sector_size() / basic_block_size);
  return volume.cache().load(superblock_kind, Daddr(0), sector);
}

/// The inodes that the superblock points to: no file of a user.
Result<bool> is_internal(Volume& volume, Inode const& inode) {
  if ((inode.flags2() & disk::inode_flag2::metadata) != 0) return true;
  XFSX_TRY(BufferRef const block, load_superblock(volume));
  disk::Superblock const& sb = view_as<disk::Superblock>(block->bytes());
  for (be<InodeNumber> const* internal :
       {&sb.rbmino, &sb.rsumino, &sb.uquotino, &sb.gquotino, &sb.pquotino}) {
    if (internal->value() == inode.number) return true;
  }
  return false;
}

bool has_exchangeable_fork(Inode const& inode, ExchangeRequest const& request) {
  if (request.fork == ForkKind::attr || inode.is_regular()) return true;
  bool const metadata = inode.is_directory() || inode.is_symlink();
  return metadata && request.metadata_forks != MetadataForks::refused;
}

/// A range that ends inside a unit is legal only where the unit is the last of both files.
Result<void> check_end(ExchangeRange const& range, u64 unit, u64 size1, u64 size2) {
  std::optional<u64> const end1 = checked_add(range.offset1, range.length);
  std::optional<u64> const end2 = checked_add(range.offset2, range.length);
  if (!end1 || !end2) return refuse(EINVAL, "offset and length exceed 64 bits");
  if (*end1 > size1) return with_operand(refuse(EINVAL, "the range ends beyond the file"), 1);
  if (*end2 > size2) return with_operand(refuse(EINVAL, "the range ends beyond the file"), 2);
  if (range.length % unit == 0) return success();
  if (*end1 != size1 || *end2 != size2) {
    return refuse(EINVAL,
                  "the length is no multiple of the allocation unit, and the range does not end "
                  "at the end of both files");
  }
  return success();
}

}  // namespace

Result<void> check_volume(Volume& volume) {
  Geometry const& g = volume.geometry();
  XFSX_TRYV(volume.check_alive());
  XFSX_TRYV(check_writable(g));
  if (!g.has_internal_log()) {
    return refuse(EOPNOTSUPP, "the log is on an external device");
  }
  XFSX_TRY(LogState const log, volume.log());
  if (log.clean) return success();
  return make_error(Errc::dirty_log, EUCLEAN,
                    "the log is dirty; `xfsx recover`, or a mount by Linux, replays it");
}

Result<void> check_file(Volume& volume, Inode const& inode, ExchangeRequest const& request,
                        u8 operand) {
  auto const no = [operand](int errno_class, std::string_view reason) {
    return with_operand(refuse(errno_class, reason), operand);
  };
  disk::Dinode const& core = inode.core();
  if (!has_exchangeable_fork(inode, request)) {
    if (inode.is_directory()) return no(EISDIR, "is a directory");
    return no(EINVAL, "is not a regular file");
  }
  XFSX_TRY(bool const internal, is_internal(volume, inode));
  if (internal) return no(EPERM, "is an internal inode of the filesystem");
  if ((core.flags.value() & disk::inode_flag::immutable) != 0) return no(EPERM, "is immutable");
  if ((core.flags.value() & disk::inode_flag::append) != 0) return no(EPERM, "is append-only");
  return success();
}

bool same_owners(disk::Dinode const& a, disk::Dinode const& b) {
  return a.uid.value() == b.uid.value() && a.gid.value() == b.gid.value() &&
         a.projid_lo.value() == b.projid_lo.value() && a.projid_hi.value() == b.projid_hi.value();
}

Result<bool> quota_is_accounted(Volume& volume) {
  XFSX_TRY(BufferRef const block, load_superblock(volume));
  u16 const flags = view_as<disk::Superblock>(block->bytes()).qflags.value();
  return (flags & quota_flag::accounted) != 0;
}

Result<BlockRange> check_range(ExchangeRange const& range, Geometry const& geometry,
                               BlockCount unit, u64 size1, u64 size2) {
  u64 const block = geometry.block_size();
  u64 const bytes = block * unit.raw();
  if (range.offset1 > size1)
    return with_operand(refuse(EINVAL, "the offset is beyond the file"), 1);
  if (range.offset2 > size2)
    return with_operand(refuse(EINVAL, "the offset is beyond the file"), 2);
  if (range.offset1 % bytes != 0 || range.offset2 % bytes != 0) {
    return refuse(EINVAL, "an offset is no multiple of the allocation unit");
  }
  XFSX_TRYV(check_end(range, bytes, size1, size2));
  return BlockRange{FileBlock(range.offset1 / block), FileBlock(range.offset2 / block),
                    BlockCount(div_round_up(range.length, bytes) * unit.raw())};
}

}  // namespace xfsx::inline v0
