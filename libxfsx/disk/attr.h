#pragma once
// Extended attributes: the short form inside the inode, leaf blocks, and the headers of blocks that
// hold large values.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

inline constexpr u16 attr_leaf_magic = 0x3bee;
inline constexpr u16 attr_leaf_magic_v4 = 0xfbee;
inline constexpr u32 attr_remote_magic = 0x5841524d;  // "XARM"

/// `flags` of an attribute: where it lies and which namespace it is in.
namespace attr_flag {
inline constexpr u8 local = 0x01;
inline constexpr u8 root = 0x02;
inline constexpr u8 secure = 0x04;
inline constexpr u8 parent = 0x08;
inline constexpr u8 incomplete = 0x80;
inline constexpr u8 namespaces = root | secure | parent;
}  // namespace attr_flag

/// Header of the short form of attributes; the entries follow.
struct AttrShortHeader {
  be16 totsize;
  u8 count;
  u8 pad;
};

inline constexpr Field attr_short_header_fields[] = {
    XFSX_FIELD(AttrShortHeader, 0, totsize, decimal, "Bytes of the fork, this header included."),
    XFSX_FIELD(AttrShortHeader, 2, count, decimal, "Attributes."),
    XFSX_FIELD(AttrShortHeader, 3, pad, padding, "Zero."),
};
XFSX_LAYOUT(AttrShortHeader, "attr_sf", attr_short_header_fields,
            "Header of the short form of attributes; the entries follow.");

/// An attribute in short form; name and value follow.
struct AttrShortEntry {
  u8 namelen;
  u8 valuelen;
  u8 flags;
};

inline constexpr Field attr_short_entry_fields[] = {
    XFSX_FIELD(AttrShortEntry, 0, namelen, decimal, "Bytes of the name."),
    XFSX_FIELD(AttrShortEntry, 1, valuelen, decimal, "Bytes of the value."),
    XFSX_FIELD(AttrShortEntry, 2, flags, hex, "Namespace."),
};
XFSX_LAYOUT(AttrShortEntry, "attr_sf_entry", attr_short_entry_fields,
            "An attribute in short form; name and value follow.");

/// Header of a block of attributes; the entries follow, names grow from the end.
struct AttrLeafHeader {
  be32 forw;
  be32 back;
  be16 magic;
  be16 pad;
  le32 crc;
  be<Daddr> bno;
  be<Lsn> lsn;
  Uuid uuid;
  be<InodeNumber> owner;
  be16 count;
  be16 usedbytes;
  be16 firstused;
  u8 holes;
  u8 pad1;
  std::array<be32, 3> freemap;
  be32 pad2;
};

inline constexpr Field attr_leaf_header_fields[] = {
    XFSX_FIELD(AttrLeafHeader, 0, forw, decimal, "Next block of the same level; 0 for none."),
    XFSX_FIELD(AttrLeafHeader, 4, back, decimal, "Previous block of the same level; 0 for none."),
    XFSX_FIELD(AttrLeafHeader, 8, magic, hex, "0x3bee."),
    XFSX_FIELD(AttrLeafHeader, 10, pad, padding, "Zero."),
    XFSX_FIELD(AttrLeafHeader, 12, crc, crc, "CRC32c of the block."),
    XFSX_FIELD(AttrLeafHeader, 16, bno, daddr, "Own address."),
    XFSX_FIELD(AttrLeafHeader, 24, lsn, lsn, "Last checkpoint that wrote the block."),
    XFSX_FIELD(AttrLeafHeader, 32, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(AttrLeafHeader, 48, owner, inode, "Inode that this block belongs to."),
    XFSX_FIELD(AttrLeafHeader, 56, count, decimal, "Attributes."),
    XFSX_FIELD(AttrLeafHeader, 58, usedbytes, decimal, "Bytes of names and values."),
    XFSX_FIELD(AttrLeafHeader, 60, firstused, decimal,
               "Lowest byte of names and values; 0 means 65536."),
    XFSX_FIELD(AttrLeafHeader, 62, holes, decimal, "1 if names and values have gaps."),
    XFSX_FIELD(AttrLeafHeader, 63, pad1, padding, "Zero."),
    XFSX_FIELD(AttrLeafHeader, 64, freemap, hex, "Free runs: offset and size."),
    XFSX_FIELD(AttrLeafHeader, 76, pad2, padding, "Zero."),
};
XFSX_LAYOUT(AttrLeafHeader, "attr_leaf", attr_leaf_header_fields,
            "Header of a block of attributes; the entries follow, names grow from the end.");

/// Header of a block of attributes, version 4.
struct AttrLeafHeaderV4 {
  be32 forw;
  be32 back;
  be16 magic;
  be16 pad;
  be16 count;
  be16 usedbytes;
  be16 firstused;
  u8 holes;
  u8 pad1;
  std::array<be32, 3> freemap;
};

inline constexpr Field attr_leaf_header_v4_fields[] = {
    XFSX_FIELD(AttrLeafHeaderV4, 0, forw, decimal, "Next block of the same level; 0 for none."),
    XFSX_FIELD(AttrLeafHeaderV4, 4, back, decimal, "Previous block of the same level; 0 for none."),
    XFSX_FIELD(AttrLeafHeaderV4, 8, magic, hex, "0xfbee."),
    XFSX_FIELD(AttrLeafHeaderV4, 10, pad, padding, "Zero."),
    XFSX_FIELD(AttrLeafHeaderV4, 12, count, decimal, "Attributes."),
    XFSX_FIELD(AttrLeafHeaderV4, 14, usedbytes, decimal, "Bytes of names and values."),
    XFSX_FIELD(AttrLeafHeaderV4, 16, firstused, decimal,
               "Lowest byte of names and values; 0 means 65536."),
    XFSX_FIELD(AttrLeafHeaderV4, 18, holes, decimal, "1 if names and values have gaps."),
    XFSX_FIELD(AttrLeafHeaderV4, 19, pad1, padding, "Zero."),
    XFSX_FIELD(AttrLeafHeaderV4, 20, freemap, hex, "Free runs: offset and size."),
};
XFSX_LAYOUT(AttrLeafHeaderV4, "attr_leaf_v4", attr_leaf_header_v4_fields,
            "Header of a block of attributes, version 4.");

/// Where an attribute of a leaf block lies.
struct AttrLeafEntry {
  be32 hashval;
  be16 nameidx;
  u8 flags;
  u8 pad;
};

inline constexpr Field attr_leaf_entry_fields[] = {
    XFSX_FIELD(AttrLeafEntry, 0, hashval, hex, "Hash of the name."),
    XFSX_FIELD(AttrLeafEntry, 4, nameidx, decimal, "Byte offset of name and value in the block."),
    XFSX_FIELD(AttrLeafEntry, 6, flags, hex, "Namespace, and whether the value lies in the block."),
    XFSX_FIELD(AttrLeafEntry, 7, pad, padding, "Zero."),
};
XFSX_LAYOUT(AttrLeafEntry, "attr_leaf_entry", attr_leaf_entry_fields,
            "Where an attribute of a leaf block lies.");

/// An attribute whose value lies in the leaf block; name and value follow.
struct AttrLocalName {
  be16 valuelen;
  u8 namelen;
};

inline constexpr Field attr_local_name_fields[] = {
    XFSX_FIELD(AttrLocalName, 0, valuelen, decimal, "Bytes of the value."),
    XFSX_FIELD(AttrLocalName, 2, namelen, decimal, "Bytes of the name."),
};
XFSX_LAYOUT(AttrLocalName, "attr_local_name", attr_local_name_fields,
            "An attribute whose value lies in the leaf block; name and value follow.");

/// An attribute whose value lies in blocks of its own; the name follows.
struct AttrRemoteName {
  be32 valueblk;
  be32 valuelen;
  u8 namelen;
};

inline constexpr Field attr_remote_name_fields[] = {
    XFSX_FIELD(AttrRemoteName, 0, valueblk, hex, "First block of the value in the attribute fork."),
    XFSX_FIELD(AttrRemoteName, 4, valuelen, decimal, "Bytes of the value."),
    XFSX_FIELD(AttrRemoteName, 8, namelen, decimal, "Bytes of the name."),
};
XFSX_LAYOUT(AttrRemoteName, "attr_remote_name", attr_remote_name_fields,
            "An attribute whose value lies in blocks of its own; the name follows.");

/// Header of a block of a large value.
struct AttrRemoteHeader {
  be32 magic;
  be32 offset;
  be32 bytes;
  le32 crc;
  Uuid uuid;
  be<InodeNumber> owner;
  be<Daddr> bno;
  be<Lsn> lsn;
};

inline constexpr Field attr_remote_header_fields[] = {
    XFSX_FIELD(AttrRemoteHeader, 0, magic, hex, "Identifies the block: XARM."),
    XFSX_FIELD(AttrRemoteHeader, 4, offset, decimal,
               "Byte of the value that the block starts with."),
    XFSX_FIELD(AttrRemoteHeader, 8, bytes, decimal, "Bytes of the value in the block."),
    XFSX_FIELD(AttrRemoteHeader, 12, crc, crc, "CRC32c of the block."),
    XFSX_FIELD(AttrRemoteHeader, 16, uuid, uuid, "Metadata UUID of the filesystem."),
    XFSX_FIELD(AttrRemoteHeader, 32, owner, inode, "Inode that this block belongs to."),
    XFSX_FIELD(AttrRemoteHeader, 40, bno, daddr, "Own address."),
    XFSX_FIELD(AttrRemoteHeader, 48, lsn, lsn, "All ones: written outside the log."),
};
XFSX_LAYOUT(AttrRemoteHeader, "attr_remote", attr_remote_header_fields,
            "Header of a block of a large value.");

}  // namespace xfsx::inline v0::disk
