"""How a filesystem is left whose log stays dirty.

Each of ENDINGS changes a mounted filesystem and shuts it down; nothing reaches the disk after.
"""
import fcntl
import os
import struct

from imaging.fill import Filler, sync_filesystem
from imaging.intents import CUT_OFF
from judging import linux

FREEZE, THAW = 0xC0045877, 0xC0045878
SHUTDOWN_WITHOUT_LOG = 2
XFLAG_COWEXTSIZE = 0x10000
INODES_A_CHUNK = 64             # and buckets of unlinked inodes an AG


def pending_changes(root):
    """Changes that are in the log and nowhere else when the filesystem is shut down."""
    sync_filesystem(root)
    f = Filler(root, {})
    f.mkdir("pending")
    for i in range(30):
        f.file(f"pending/new-{i}", 1, tail=i)
    os.rename(f.path("pending/new-0"), f.path("pending/renamed"))
    os.unlink(f.path("pending/new-1"))
    f.attribute("pending/new-2", "user.pending", 60)
    fd = os.open(root, os.O_RDONLY)
    os.fsync(fd)
    os.mkdir(f.path("pending/after-fsync"))
    linux.shut_down(fd)
    os.close(fd)


def stop_frozen(root):
    """Everything is written home first; what is left in the log makes Linux recover all the same,
    as it does with a snapshot, because of inodes and blocks that only open files still need."""
    fd = os.open(root, os.O_RDONLY)
    fcntl.ioctl(fd, FREEZE, 0)
    fcntl.ioctl(fd, linux.SHUTDOWN_IOCTL, struct.pack("<I", SHUTDOWN_WITHOUT_LOG))
    fcntl.ioctl(fd, THAW, 0)
    os.close(fd)


def staging(root):
    """Blocks that were taken for copies on write and are not part of a file yet.

    A write to a shared block takes as many blocks as the hint says; those that nothing was
    written to stay with the file while it is open, and the refcount btree remembers them.
    """
    f = Filler(root, {})
    for group, hint in ((0, 32), (1, 8), (2, 16)):      # directories go round the AGs
        folder = f"staging/{group}"
        f.mkdir(folder)
        for number in range(1 + group):
            name = f"{folder}/original-{number}"
            f.file(name, 3 * hint, tail=group)
            f.clone(name, f"{folder}/copy-{number}")
            fd = os.open(f.path(f"{folder}/copy-{number}"), os.O_RDWR)
            fcntl.ioctl(fd, linux.FS_SETXATTR, struct.pack("<5I8x", XFLAG_COWEXTSIZE, 0, 0, 0,
                                                           hint * f.block))
            for block in (1, 2 * hint + hint // 2):
                os.pwrite(fd, f.contents(name, 1000 + block), block * f.block)
            os.fsync(fd)
            os.close(fd)
    stop_frozen(root)


def unlinked(root):
    """Inodes that are open and have no name, several of them in one list of their AG."""
    f = Filler(root, {})
    opened = []
    for group, wanted in ((0, {7: 5, 8: 2, 20: 1}), (1, {0: 1, 63: 3})):
        folder = f"unlinked/{group}"
        f.mkdir(folder)
        found = {bucket: 0 for bucket in wanted}
        names = [f"{folder}/{number}" for number in range(6 * INODES_A_CHUNK)]
        for name in names:
            f.file(name, 0)
        for number, name in enumerate(names):
            bucket = os.stat(f.path(name)).st_ino % INODES_A_CHUNK
            if found.get(bucket, 0) < wanted.get(bucket, 0):
                found[bucket] += 1
                if number % 3:
                    f.file(name, number % 3, tail=bucket)
                    f.attribute(name, "user.note", 30)
                opened.append(os.open(f.path(name), os.O_RDONLY))
            if bucket % 32 != 5:
                os.unlink(f.path(name))
        assert found == wanted, (found, wanted)
    f.mkdir("unlinked/directory")
    opened.append(os.open(f.path("unlinked/directory"), os.O_RDONLY))
    os.rmdir(f.path("unlinked/directory"))
    stop_frozen(root)
    for fd in opened:
        os.close(fd)


ENDINGS = {"pending": pending_changes, "staging": staging, "unlinked": unlinked, **CUT_OFF}
