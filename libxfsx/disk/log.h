#pragma once
// The log: record headers, operation headers and the items of this release. Headers are big-endian;
// items are in the byte order of the machine that wrote them (h_fmt) and are declared
// little-endian: the reader turns items of the other order round before anyone sees them.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u32 log_record_magic = 0xfeedbabe;
inline constexpr u32 log_header_cycles = 64;  ///< data blocks whose first word a header keeps
inline constexpr u32 log_format_linux_le = 1;
inline constexpr u32 log_format_irix_be = 3;          ///< the last of them; 2 is big-endian too
inline constexpr u32 transaction_magic = 0x5452414e;  // "TRAN"
inline constexpr u32 transaction_type_checkpoint = 40;
inline constexpr u16 unmount_magic = 0x556e;  // "Un"

namespace log_op {
inline constexpr u8 client_transaction = 0x69;
inline constexpr u8 client_log = 0xaa;
inline constexpr u8 start = 0x01;
inline constexpr u8 commit = 0x02;
inline constexpr u8 cont = 0x04;
inline constexpr u8 was_cont = 0x08;
inline constexpr u8 end = 0x10;
inline constexpr u8 unmount = 0x20;
}  // namespace log_op

/// Types of log items; the first two bytes of an item's first region.
enum class LogItemType : u16 {
  efi = 0x1236,  ///< extents will be freed
  efd = 0x1237,  ///< they are; so with the other pairs
  inode = 0x123b,
  buffer = 0x123c,
  dquot = 0x123d,
  quotaoff = 0x123e,
  icreate = 0x123f,
  rui = 0x1240,  ///< reverse mappings will change
  rud = 0x1241,
  cui = 0x1242,  ///< reference counts will change
  cud = 0x1243,
  bui = 0x1244,  ///< a mapping of a file will change
  bud = 0x1245,
  attri = 0x1246,  ///< an attribute will be set or removed
  attrd = 0x1247,
  xmi = 0x1248,  ///< mappings of two files will change places
  xmd = 0x1249,
  efi_rt = 0x124a,  ///< the same on the realtime device
  efd_rt = 0x124b,
  rui_rt = 0x124c,
  rud_rt = 0x124d,
  cui_rt = 0x124e,
  cud_rt = 0x124f,
};

/// Most regions of an item.
inline constexpr u16 log_max_regions = 65536 / 128 / 2 + 1;

/// `flags` of a buffer item, below the buffer's type.
namespace buffer_item_flag {
inline constexpr u16 inode_buf = 1;
inline constexpr u16 cancel = 2;
inline constexpr u16 type_shift = 11;
}  // namespace buffer_item_flag

/// What a logged buffer holds; in the top bits of `flags` of a buffer item.
enum class BufferType : u16 {
  unknown = 0,
  user_dquot = 1,
  project_dquot = 2,
  group_dquot = 3,
  btree = 4,
  agf = 5,
  agfl = 6,
  agi = 7,
  inode_cluster = 8,
  symlink = 9,
  dir_block = 10,
  dir_data = 11,
  dir_free = 12,
  dir_leaf1 = 13,
  dir_leafn = 14,
  da_node = 15,
  attr_leaf = 16,
  attr_remote = 17,
  superblock = 18,
  rt_bitmap = 19,
  rt_summary = 20,
};

/// `fields` of an inode item.
namespace inode_item_field {
inline constexpr u32 core = 0x1;
inline constexpr u32 data_local = 0x2;
inline constexpr u32 data_extents = 0x4;
inline constexpr u32 data_broot = 0x8;
inline constexpr u32 dev = 0x10;
inline constexpr u32 attr_local = 0x40;
inline constexpr u32 attr_extents = 0x80;
inline constexpr u32 attr_broot = 0x100;
inline constexpr u32 data_any = data_local | data_extents | data_broot;
inline constexpr u32 attr_any = attr_local | attr_extents | attr_broot;
}  // namespace inode_item_field

/// Header of a log record, one basic block.
struct LogRecordHeader {
  be32 magicno;
  be32 cycle;
  be32 version;
  be32 len;
  be<Lsn> lsn;
  be<Lsn> tail_lsn;
  le32 crc;
  be32 prev_block;
  be32 num_logops;
  std::array<be32, log_header_cycles> cycle_data;
  be32 fmt;
  Uuid fs_uuid;
  be32 h_size;
  be32 pad0;
  std::array<u8, 184> pad1;
};

inline constexpr Field log_record_header_fields[] = {
    XFSX_FIELD(LogRecordHeader, 0, magicno, hex, "Identifies the block: 0xfeedbabe."),
    XFSX_FIELD(LogRecordHeader, 4, cycle, decimal, "Cycle in which the record starts."),
    XFSX_FIELD(LogRecordHeader, 8, version, decimal, "2."),
    XFSX_FIELD(LogRecordHeader, 12, len, decimal, "Bytes after the header blocks."),
    XFSX_FIELD(LogRecordHeader, 16, lsn, lsn, "Own LSN."),
    XFSX_FIELD(LogRecordHeader, 24, tail_lsn, lsn, "Oldest record that recovery still needs."),
    XFSX_FIELD(LogRecordHeader, 32, crc, crc,
               "CRC32c of the record; 0 in records of mkfs and xfs_repair."),
    XFSX_FIELD(LogRecordHeader, 36, prev_block, decimal,
               "Log block of the record before; all ones for none."),
    XFSX_FIELD(LogRecordHeader, 40, num_logops, decimal, "Operations in the record."),
    XFSX_FIELD(LogRecordHeader, 44, cycle_data, hex,
               "First words of the data blocks, which carry the cycle."),
    XFSX_FIELD(LogRecordHeader, 300, fmt, decimal,
               "Byte order of the items: 1 little-endian, 2 and 3 big-endian."),
    XFSX_FIELD(LogRecordHeader, 304, fs_uuid, uuid, "User-visible UUID of the filesystem."),
    XFSX_FIELD(LogRecordHeader, 320, h_size, decimal,
               "Size of the log buffers of the mount that wrote the record, bytes."),
    XFSX_FIELD(LogRecordHeader, 324, pad0, padding, "Zero."),
    XFSX_FIELD(LogRecordHeader, 328, pad1, padding, "Zero, not under the checksum."),
};
XFSX_LAYOUT(LogRecordHeader, "log_record", log_record_header_fields,
            "Header of a log record, one basic block.");

/// Further header block of a record whose log buffers exceed 32 KiB.
struct LogRecordExtended {
  be32 cycle;
  std::array<be32, log_header_cycles> cycle_data;
  std::array<u8, 252> pad;
};

inline constexpr Field log_record_extended_fields[] = {
    XFSX_FIELD(LogRecordExtended, 0, cycle, decimal, "Cycle of the block."),
    XFSX_FIELD(LogRecordExtended, 4, cycle_data, hex, "First words of the next 64 data blocks."),
    XFSX_FIELD(LogRecordExtended, 260, pad, padding, "Zero, not under the checksum."),
};
XFSX_LAYOUT(LogRecordExtended, "log_record_ext", log_record_extended_fields,
            "Further header block of a record whose log buffers exceed 32 KiB.");

/// Header of an operation inside a log record.
struct LogOpHeader {
  be32 tid;
  be32 len;
  u8 clientid;
  u8 flags;
  be16 res2;
};

inline constexpr Field log_op_header_fields[] = {
    XFSX_FIELD(LogOpHeader, 0, tid, hex, "Ticket that all operations of a checkpoint share."),
    XFSX_FIELD(LogOpHeader, 4, len, decimal, "Bytes that follow."),
    XFSX_FIELD(LogOpHeader, 8, clientid, hex, "0x69 for a transaction, 0xaa for the log itself."),
    XFSX_FIELD(LogOpHeader, 9, flags, hex, "Start, commit, continued, continuation, end, unmount."),
    XFSX_FIELD(LogOpHeader, 10, res2, padding, "Zero."),
};
XFSX_LAYOUT(LogOpHeader, "log_op", log_op_header_fields,
            "Header of an operation inside a log record.");

/// First region of a checkpoint.
struct TransactionHeader {
  le32 magic;
  le32 type;
  le32 tid;
  le32 num_items;
};

inline constexpr Field transaction_header_fields[] = {
    XFSX_FIELD(TransactionHeader, 0, magic, hex, "TRAN."),
    XFSX_FIELD(TransactionHeader, 4, type, decimal, "40 for a checkpoint."),
    XFSX_FIELD(TransactionHeader, 8, tid, hex, "As in the operation headers."),
    XFSX_FIELD(TransactionHeader, 12, num_items, decimal, "Regions that follow."),
};
XFSX_LAYOUT(TransactionHeader, "log_trans", transaction_header_fields,
            "First region of a checkpoint.");

/// What the operation of an unmount record carries.
struct UnmountRecord {
  le16 magic;
  le16 pad1;
  le32 pad2;
};

inline constexpr Field unmount_record_fields[] = {
    XFSX_FIELD(UnmountRecord, 0, magic, hex, "Un."),
    XFSX_FIELD(UnmountRecord, 2, pad1, padding, "Zero."),
    XFSX_FIELD(UnmountRecord, 4, pad2, padding, "Zero."),
};
XFSX_LAYOUT(UnmountRecord, "log_unmount", unmount_record_fields,
            "What the operation of an unmount record carries.");

/// First region of a buffer item; the words of the chunk bitmap follow.
struct BufferLogFormat {
  le16 type;
  le16 size;
  le16 flags;
  le16 len;
  le<Daddr> blkno;
  le32 map_size;
};

inline constexpr Field buffer_log_format_fields[] = {
    XFSX_FIELD(BufferLogFormat, 0, type, hex, "0x123c."),
    XFSX_FIELD(BufferLogFormat, 2, size, decimal, "Regions of the item."),
    XFSX_FIELD(BufferLogFormat, 4, flags, hex, "What the buffer holds, whether it is cancelled."),
    XFSX_FIELD(BufferLogFormat, 6, len, decimal, "Length of the buffer, basic blocks."),
    XFSX_FIELD(BufferLogFormat, 8, blkno, daddr, "Address of the buffer."),
    XFSX_FIELD(BufferLogFormat, 16, map_size, decimal,
               "32-bit words of the bitmap of dirty 128-byte chunks."),
};
XFSX_LAYOUT(BufferLogFormat, "log_buf", buffer_log_format_fields,
            "First region of a buffer item; the words of the chunk bitmap follow.");

/// First region of an inode item.
struct InodeLogFormat {
  le16 type;
  le16 size;
  le32 fields;
  le16 asize;
  le16 dsize;
  le32 pad;
  le<InodeNumber> ino;
  std::array<u8, 16> u;
  le<Daddr> blkno;
  le32 len;
  le32 boffset;
};

inline constexpr Field inode_log_format_fields[] = {
    XFSX_FIELD(InodeLogFormat, 0, type, hex, "0x123b."),
    XFSX_FIELD(InodeLogFormat, 2, size, decimal, "Regions of the item."),
    XFSX_FIELD(InodeLogFormat, 4, fields, hex, "What of the inode is logged."),
    XFSX_FIELD(InodeLogFormat, 8, asize, decimal, "Bytes of the attribute fork's region."),
    XFSX_FIELD(InodeLogFormat, 10, dsize, decimal, "Bytes of the data fork's region."),
    XFSX_FIELD(InodeLogFormat, 12, pad, padding, "Zero."),
    XFSX_FIELD(InodeLogFormat, 16, ino, inode, "The inode."),
    XFSX_FIELD(InodeLogFormat, 24, u, hex, "Device number of a device inode."),
    XFSX_FIELD(InodeLogFormat, 40, blkno, daddr, "Address of the inode cluster's buffer."),
    XFSX_FIELD(InodeLogFormat, 48, len, decimal, "Length of that buffer, basic blocks."),
    XFSX_FIELD(InodeLogFormat, 52, boffset, decimal, "Offset of the inode in it, bytes."),
};
XFSX_LAYOUT(InodeLogFormat, "log_inode", inode_log_format_fields, "First region of an inode item.");

}  // namespace xfsx::inline v0::disk
