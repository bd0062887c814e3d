"""Fields that ordinary use leaves at their defaults, each set once.

Made for filesystems of 1k blocks, where a link target can need two of them.
"""
import errno
import fcntl
import os
import struct

from judging import linux

XFLAG_EXTSIZE, XFLAG_COWEXTSIZE = 0x800, 0x10000
PROJECT = 0x50007       # neither half of it is zero
SET_RESBLKS = 0xC0105872
FREE_INDEX = 2040       # directory blocks of 4 KiB that a block of the free index describes
NAMES_OF_BLOCK = 15     # of the greatest length


def hints(f):
    """Hints of sizes, and a project whose number does not fit 16 bits."""
    f.mkdir("rare")
    size = 8 * f.block
    wanted = [("extent-size", (XFLAG_EXTSIZE, size, 0, PROJECT, 0))]
    if not f.options.get("version4", False):
        wanted.append(("cow-extent-size", (XFLAG_COWEXTSIZE, 0, 0, PROJECT, size)))
    for name, numbers in wanted:
        f.file(f"rare/{name}", 0)
        fd = os.open(f.path(f"rare/{name}"), os.O_RDWR)
        fcntl.ioctl(fd, linux.FS_SETXATTR, struct.pack("<5I8x", *numbers))
        os.close(fd)


def holes_in_leaf(f):
    """Attributes removed from the middle of a leaf: names and values have gaps."""
    f.file("rare/holes", 1)
    for i in range(12):
        f.attribute("rare/holes", f"user.key-{i}", 40)
    for i in range(1, 12, 3):
        os.removexattr(f.path("rare/holes"), f"user.key-{i}")


def many_attribute_blocks(f):
    """Attribute forks of many mappings, in turns: reverse mappings that are keys in nodes."""
    for name in ("attributes-a", "attributes-b"):
        f.file(f"rare/{name}", 0)
    for i in range(120):
        for name in ("attributes-a", "attributes-b"):
            f.attribute(f"rare/{name}", f"user.key-{i}", 2 * f.block)


def second_free_block(f):
    """More data blocks than one block of the free index describes. Most of the names go again:
    what stays is a directory with holes, and little to store."""
    f.mkdir("rare/large")
    f.file("rare/link-target", 1)
    names = [f.path(f"rare/large/{i:06d}".ljust(len("rare/large/") + 255, "z"))
             for i in range(NAMES_OF_BLOCK * FREE_INDEX + 100)]
    for name in names:
        os.link(f.path("rare/link-target"), name)
    for i, name in enumerate(names[:-50]):
        if i % 1000:
            os.unlink(name)
    fill_with_zeros(f)


def fill_with_zeros(f):
    """What was removed would be stored too: it is written over, where it is free."""
    name = f.path("rare/zeros")
    fd = os.open(name, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            os.write(fd, bytes(1 << 20))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    os.fsync(fd)
    os.close(fd)
    os.unlink(name)


def keep_nothing_back(f):
    """Else a twentieth of the blocks is for hard times."""
    fd = os.open(f.root, os.O_RDONLY)
    fcntl.ioctl(fd, SET_RESBLKS, struct.pack("<QQ", 0, 0))
    os.close(fd)


def take_all(f, fd):
    """Gives the file all blocks that are free, in runs as long as there are."""
    at, run = 0, 1 << 14
    while run:
        try:
            f.allocate(fd, at, run)
            at += run
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            run //= 2


def link_in_pieces(f):
    """A link target whose two blocks are not neighbours: no two free blocks are. Where the
    kernel keeps blocks back for the trees of an AG, some always are."""
    f.mkdir("rare")
    keep_nothing_back(f)
    fd = os.open(f.path("rare/islands"), os.O_RDWR | os.O_CREAT, 0o644)
    take_all(f, fd)
    for first in range(100, 1100, 2):
        f.punch(fd, first, 1)
    f.use_up("rare/rest", 2)
    for i in range(3):
        os.symlink(b"p" * 1020, f.path(f"rare/link-in-pieces-{i}"))
    os.close(fd)


def put_in(f):
    hints(f)
    holes_in_leaf(f)
    many_attribute_blocks(f)
