#pragma once
// The superblock: sector 0 of every allocation group. Its checksum covers a whole sector.
// Offsets: superblock section of the XFS on-disk format, checked against images by tests.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u32 superblock_magic = 0x58465342;  // "XFSB"

/// The superblock, first sector of every allocation group.
struct Superblock {
  be32 magicnum;
  be32 blocksize;
  be64 dblocks;
  be64 rblocks;
  be64 rextents;
  Uuid uuid;
  be<FsBlock> logstart;
  be<InodeNumber> rootino;
  be<InodeNumber> rbmino;
  be<InodeNumber> rsumino;
  be32 rextsize;
  be32 agblocks;
  be32 agcount;
  be32 rbmblocks;
  be32 logblocks;
  be16 versionnum;
  be16 sectsize;
  be16 inodesize;
  be16 inopblock;
  std::array<char, 12> fname;
  u8 blocklog;
  u8 sectlog;
  u8 inodelog;
  u8 inopblog;
  u8 agblklog;
  u8 rextslog;
  u8 inprogress;
  u8 imax_pct;
  be64 icount;
  be64 ifree;
  be64 fdblocks;
  be64 frextents;
  be<InodeNumber> uquotino;
  be<InodeNumber> gquotino;
  be16 qflags;
  u8 flags;
  u8 shared_vn;
  be32 inoalignmt;
  be32 unit;
  be32 width;
  u8 dirblklog;
  u8 logsectlog;
  be16 logsectsize;
  be32 logsunit;
  be32 features2;
  be32 bad_features2;
  be32 features_compat;
  be32 features_ro_compat;
  be32 features_incompat;
  be32 features_log_incompat;
  le32 crc;
  be32 spino_align;
  be<InodeNumber> pquotino;
  be<Lsn> lsn;
  Uuid meta_uuid;
  be<InodeNumber> metadirino;
  be32 rgcount;
  be32 rgextents;
  u8 rgblklog;
  std::array<u8, 7> pad;
  be64 rtstart;
  be64 rtreserved;
};

inline constexpr Field superblock_fields[] = {
    XFSX_FIELD(Superblock, 0, magicnum, hex, "Identifies the sector: XFSB."),
    XFSX_FIELD(Superblock, 4, blocksize, decimal, "Filesystem block size, bytes."),
    XFSX_FIELD(Superblock, 8, dblocks, decimal, "Blocks of the data device."),
    XFSX_FIELD(Superblock, 16, rblocks, decimal, "Blocks of the realtime device."),
    XFSX_FIELD(Superblock, 24, rextents, decimal, "Realtime extents."),
    XFSX_FIELD(Superblock, 32, uuid, uuid, "UUID that the user sees."),
    XFSX_FIELD(Superblock, 48, logstart, fsblock,
               "First block of the internal log; 0 if the log is external."),
    XFSX_FIELD(Superblock, 56, rootino, inode, "Root directory."),
    XFSX_FIELD(Superblock, 64, rbmino, inode, "Realtime bitmap."),
    XFSX_FIELD(Superblock, 72, rsumino, inode, "Realtime summary."),
    XFSX_FIELD(Superblock, 80, rextsize, decimal, "Blocks of a realtime extent."),
    XFSX_FIELD(Superblock, 84, agblocks, decimal,
               "Blocks of an allocation group; the last may be shorter."),
    XFSX_FIELD(Superblock, 88, agcount, decimal, "Allocation groups."),
    XFSX_FIELD(Superblock, 92, rbmblocks, decimal, "Blocks of the realtime bitmap."),
    XFSX_FIELD(Superblock, 96, logblocks, decimal, "Blocks of the log."),
    XFSX_FIELD(Superblock, 100, versionnum, hex,
               "Version in the low four bits, old feature bits above."),
    XFSX_FIELD(Superblock, 102, sectsize, decimal, "Sector size of the data device, bytes."),
    XFSX_FIELD(Superblock, 104, inodesize, decimal, "Inode size, bytes."),
    XFSX_FIELD(Superblock, 106, inopblock, decimal, "Inodes of a block."),
    XFSX_FIELD(Superblock, 108, fname, text, "Label."),
    XFSX_FIELD(Superblock, 120, blocklog, decimal, "log2 of blocksize."),
    XFSX_FIELD(Superblock, 121, sectlog, decimal, "log2 of sectsize."),
    XFSX_FIELD(Superblock, 122, inodelog, decimal, "log2 of inodesize."),
    XFSX_FIELD(Superblock, 123, inopblog, decimal, "log2 of inopblock."),
    XFSX_FIELD(Superblock, 124, agblklog, decimal, "log2 of agblocks, rounded up."),
    XFSX_FIELD(Superblock, 125, rextslog, decimal, "log2 of rextents."),
    XFSX_FIELD(Superblock, 126, inprogress, decimal,
               "1 while mkfs or a copy is at work; the superblock does not count."),
    XFSX_FIELD(Superblock, 127, imax_pct, decimal, "Most space for inodes, percent."),
    XFSX_FIELD(Superblock, 128, icount, decimal,
               "Inodes allocated; exact only when the log is clean."),
    XFSX_FIELD(Superblock, 136, ifree, decimal, "Inodes free; exact only when the log is clean."),
    XFSX_FIELD(Superblock, 144, fdblocks, decimal,
               "Blocks free; exact only when the log is clean."),
    XFSX_FIELD(Superblock, 152, frextents, decimal, "Realtime extents free."),
    XFSX_FIELD(Superblock, 160, uquotino, inode, "User quota file."),
    XFSX_FIELD(Superblock, 168, gquotino, inode, "Group quota file."),
    XFSX_FIELD(Superblock, 176, qflags, hex, "Quota: accounted, enforced and checked, by kind."),
    XFSX_FIELD(Superblock, 178, flags, hex, "1: read-only."),
    XFSX_FIELD(Superblock, 179, shared_vn, decimal, "Zero."),
    XFSX_FIELD(Superblock, 180, inoalignmt, decimal, "Alignment of inode chunks, blocks."),
    XFSX_FIELD(Superblock, 184, unit, decimal, "Stripe unit, blocks."),
    XFSX_FIELD(Superblock, 188, width, decimal, "Stripe width, blocks."),
    XFSX_FIELD(Superblock, 192, dirblklog, decimal, "log2 of directory block size over blocksize."),
    XFSX_FIELD(Superblock, 193, logsectlog, decimal, "log2 of logsectsize."),
    XFSX_FIELD(Superblock, 194, logsectsize, decimal,
               "Sector size of the log, bytes; 0 means 512."),
    XFSX_FIELD(Superblock, 196, logsunit, decimal, "Log stripe unit, bytes; 0 and 1 mean none."),
    XFSX_FIELD(Superblock, 200, features2, hex, "More old feature bits."),
    XFSX_FIELD(Superblock, 204, bad_features2, hex, "Must equal features2."),
    XFSX_FIELD(Superblock, 208, features_compat, hex, "Features that any kernel may ignore."),
    XFSX_FIELD(Superblock, 212, features_ro_compat, hex,
               "Features that must be understood for writing."),
    XFSX_FIELD(Superblock, 216, features_incompat, hex,
               "Features that must be understood for reading."),
    XFSX_FIELD(Superblock, 220, features_log_incompat, hex,
               "Features that must be understood to replay the log."),
    XFSX_FIELD(Superblock, 224, crc, crc, "CRC32c of the sector."),
    XFSX_FIELD(Superblock, 228, spino_align, decimal, "Alignment of sparse inode chunks, blocks."),
    XFSX_FIELD(Superblock, 232, pquotino, inode, "Project quota file."),
    XFSX_FIELD(Superblock, 240, lsn, lsn, "Last checkpoint that wrote the superblock."),
    XFSX_FIELD(Superblock, 248, meta_uuid, uuid,
               "UUID stamped on metadata, if the META_UUID feature is set."),
    XFSX_FIELD(Superblock, 264, metadirino, inode, "Root of the metadata directory tree."),
    XFSX_FIELD(Superblock, 272, rgcount, decimal, "Realtime groups."),
    XFSX_FIELD(Superblock, 276, rgextents, decimal, "Realtime extents of a group."),
    XFSX_FIELD(Superblock, 280, rgblklog, decimal, "log2 of the blocks of a realtime group."),
    XFSX_FIELD(Superblock, 281, pad, padding, "Zero."),
    XFSX_FIELD(Superblock, 288, rtstart, fsblock,
               "Start of the realtime section on the data device (zoned)."),
    XFSX_FIELD(Superblock, 296, rtreserved, decimal,
               "Blocks kept back in the realtime section (zoned)."),
};
XFSX_LAYOUT(Superblock, "sb", superblock_fields,
            "The superblock, first sector of every allocation group.");

}  // namespace xfsx::inline v0::disk
