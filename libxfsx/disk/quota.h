#pragma once
// Dquots: what one user, group or project uses and may use. Blocks of quota files are full of them,
// as many as fit, by rising id: the number of the record in its file is the id. The log carries the
// core alone.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u16 dquot_magic = 0x4451;  // "DQ"
inline constexpr u8 dquot_version = 1;

/// Bits of `type`: one of the first three, and how timers are stored.
namespace dquot_type {
inline constexpr u8 user = 0x01;
inline constexpr u8 project = 0x02;
inline constexpr u8 group = 0x04;
inline constexpr u8 kinds = user | project | group;
inline constexpr u8 bigtime = 0x80;
}  // namespace dquot_type

/// Use and limits of one user, group or project.
struct Dquot {
  be16 magic;
  u8 version;
  u8 type;
  be32 id;
  be64 blk_hardlimit;
  be64 blk_softlimit;
  be64 ino_hardlimit;
  be64 ino_softlimit;
  be64 bcount;
  be64 icount;
  be32 itimer;
  be32 btimer;
  be16 iwarns;
  be16 bwarns;
  be32 pad0;
  be64 rtb_hardlimit;
  be64 rtb_softlimit;
  be64 rtbcount;
  be32 rtbtimer;
  be16 rtbwarns;
  be16 pad;
};

inline constexpr Field dquot_fields[] = {
    XFSX_FIELD(Dquot, 0, magic, hex, "Identifies the record: DQ."),
    XFSX_FIELD(Dquot, 2, version, hex, "1."),
    XFSX_FIELD(Dquot, 3, type, hex, "1 user, 2 project, 4 group; 0x80 with bigtime."),
    XFSX_FIELD(Dquot, 4, id, decimal, "User, group or project."),
    XFSX_FIELD(Dquot, 8, blk_hardlimit, decimal, "Hard limit of blocks."),
    XFSX_FIELD(Dquot, 16, blk_softlimit, decimal, "Soft limit of blocks."),
    XFSX_FIELD(Dquot, 24, ino_hardlimit, decimal, "Hard limit of inodes."),
    XFSX_FIELD(Dquot, 32, ino_softlimit, decimal, "Soft limit of inodes."),
    XFSX_FIELD(Dquot, 40, bcount, decimal, "Blocks in use."),
    XFSX_FIELD(Dquot, 48, icount, decimal, "Inodes in use."),
    XFSX_FIELD(Dquot, 56, itimer, decimal, "When the soft limit of inodes begins to bind."),
    XFSX_FIELD(Dquot, 60, btimer, decimal, "When the soft limit of blocks begins to bind."),
    XFSX_FIELD(Dquot, 64, iwarns, decimal, "Warnings about inodes."),
    XFSX_FIELD(Dquot, 66, bwarns, decimal, "Warnings about blocks."),
    XFSX_FIELD(Dquot, 68, pad0, padding, "Zero."),
    XFSX_FIELD(Dquot, 72, rtb_hardlimit, decimal, "Hard limit of realtime blocks."),
    XFSX_FIELD(Dquot, 80, rtb_softlimit, decimal, "Soft limit of realtime blocks."),
    XFSX_FIELD(Dquot, 88, rtbcount, decimal, "Realtime blocks in use."),
    XFSX_FIELD(Dquot, 96, rtbtimer, decimal,
               "When the soft limit of realtime blocks begins to bind."),
    XFSX_FIELD(Dquot, 100, rtbwarns, decimal, "Warnings about realtime blocks."),
    XFSX_FIELD(Dquot, 102, pad, padding, "Zero."),
};
XFSX_LAYOUT(Dquot, "dquot", dquot_fields, "Use and limits of one user, group or project.");

/// A dquot as a quota file holds it. Version 4 leaves what follows the core empty.
struct DquotRecord {
  Dquot diskdq;
  be32 fill;
  le32 crc;
  be<Lsn> lsn;
  Uuid uuid;
};

inline constexpr Field dquot_record_fields[] = {
    XFSX_FIELD(DquotRecord, 0, diskdq, padding, "The core."),
    XFSX_FIELD(DquotRecord, 104, fill, padding, "Zero."),
    XFSX_FIELD(DquotRecord, 108, crc, crc, "CRC32c of the record."),
    XFSX_FIELD(DquotRecord, 112, lsn, lsn, "Last checkpoint that wrote the record."),
    XFSX_FIELD(DquotRecord, 120, uuid, uuid, "Metadata UUID of the filesystem."),
};
XFSX_LAYOUT(DquotRecord, "dqblk", dquot_record_fields, "A dquot as a quota file holds it.");

}  // namespace xfsx::inline v0::disk
