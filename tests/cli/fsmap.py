"""Whose the blocks of a mounted filesystem are, as the kernel says: FS_IOC_GETFSMAP."""

import collections
import fcntl
import os
import struct

GETFSMAP = 0xC0C0583B
HEAD = struct.Struct("=IIII6Q")
RECORD = struct.Struct("=IIQQQQ3Q")
RECORDS = 1024
ALL = 0xFFFFFFFFFFFFFFFF
PREALLOC, ATTR, MAPPING, SHARED, SPECIAL, LAST = 1, 2, 4, 8, 0x10, 0x20
XFS = ord("X") << 32
OWNERS = {1: "free", 2: "unknown", XFS | 1: "headers", XFS | 2: "log", XFS | 3: "ag",
          XFS | 4: "inobt", XFS | 5: "inodes", XFS | 6: "refcountbt", XFS | 7: "staging"}

Run = collections.namedtuple("Run", "start length owner inode attr mapping offset unwritten shared")


def ask(fd, low):
    """One answer of the kernel: (device, flags, physical, owner, offset, length) each."""
    buffer = bytearray(HEAD.size + RECORD.size * (2 + RECORDS))
    HEAD.pack_into(buffer, 0, 0, 0, RECORDS, 0, 0, 0, 0, 0, 0, 0)
    RECORD.pack_into(buffer, HEAD.size, *low, 0, 0, 0)
    RECORD.pack_into(buffer, HEAD.size + RECORD.size, 0xFFFFFFFF, 0xFFFFFFFF, ALL, ALL, ALL, 0,
                     0, 0, 0)
    fcntl.ioctl(fd, GETFSMAP, buffer)
    count = HEAD.unpack_from(buffer)[3]
    at = HEAD.size + 2 * RECORD.size
    return [RECORD.unpack_from(buffer, at + i * RECORD.size)[:6] for i in range(count)]


def run_of(record):
    _, flags, physical, owner, offset, length = record
    special = bool(flags & SPECIAL)
    return Run(physical, length, OWNERS[owner] if special else "file", 0 if special else owner,
               bool(flags & ATTR), bool(flags & MAPPING), offset, bool(flags & PREALLOC),
               bool(flags & SHARED))


def runs(mountpoint):
    """All runs of the data device, in the order of the disk; addresses in bytes."""
    fd = os.open(mountpoint, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found, low = [], (0, 0, 0, 0, 0, 0)
        while True:
            answer = ask(fd, low)
            if not answer:
                break
            found += answer
            if answer[-1][1] & LAST:
                break
            low = answer[-1]
    finally:
        os.close(fd)
    return [run_of(record) for record in found if record[0] == found[0][0]]
