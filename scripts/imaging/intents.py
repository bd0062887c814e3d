"""Operations that stop half way: the debug kernel's error tags make a step fail, Linux shuts the
filesystem down, and the log holds intents without the items that say that they are done.
"""
import ctypes
import errno
import fcntl
import functools
import os
import struct

from imaging.fill import Filler, sync_filesystem
from imaging.realtime import XFLAG_RTINHERIT, set_xattr
from judging import linux

EXCHANGE_RANGE = 0x40285881     # XFS_IOC_EXCHANGE_RANGE
RENAME_EXCHANGE = 2
AT_FDCWD = -100
LARP = "/sys/fs/xfs/debug/larp"     # attributes that users set are logged as intents too
STOPPED = (errno.EIO, errno.EUCLEAN, errno.ENOTRECOVERABLE)


class Failing:
    """While it lasts one of EVERY passes of the step TAG fails, and what is done must fail."""

    def __init__(self, root, tag, every=1):
        device = os.stat(root).st_dev
        name = os.path.basename(os.readlink(
            f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"))
        self.knob = f"/sys/fs/xfs/{name}/errortag/{tag}"
        self.tag, self.every = tag, every
        sync_filesystem(root)

    def __enter__(self):
        with open(self.knob, "w", encoding="ascii") as file:
            file.write(str(self.every))

    def __exit__(self, kind, error, _):
        if kind is None:
            raise AssertionError(f"{self.tag}: nothing failed")
        return isinstance(error, OSError) and error.errno in STOPPED


def folder(root, name, realtime=False):
    """Where the files of an operation lie."""
    f = Filler(root, {})
    f.mkdir(name)
    if realtime:
        set_xattr(f, name, XFLAG_RTINHERIT)
    return f


def exchange(one, two, length):
    fcntl.ioctl(two, EXCHANGE_RANGE, struct.pack("<iI4Q", one, 0, 0, 0, length, 0))


def pieces(f, name, count):
    """A file of COUNT blocks with holes between them, each a mapping of its own; it is open."""
    fd = f.open_direct(name, 2 * count)
    for block in range(0, 2 * count, 2):
        f.write(fd, name, block)
    return fd


def stop_exchange(root, tag, every):
    f = folder(root, "exchange")
    names = [f"exchange/{number}" for number in range(4)]
    fds = [pieces(f, name, 12) for name in names]
    exchange(fds[0], fds[1], 16 * f.block)
    with Failing(root, tag, every):
        exchange(fds[2], fds[3], 24 * f.block)


def exchange_between_steps(root):
    """An exchange that has come some steps far: its intent has been renewed after each."""
    stop_exchange(root, "exchmaps_finish_one", 5)


def exchange_within_step(root):
    """A step of an exchange: the mappings are in the forks, the btree does not know."""
    stop_exchange(root, "rmap_finish_one", 3)


def clone_within_step(f, tag):
    """Blocks of two files are shared; the file that receives them loses others, some shared."""
    source = pieces(f, "clone/source", 6)
    target = pieces(f, "clone/target", 6)
    f.clone("clone/target", "clone/third")
    with Failing(f.root, tag):
        fcntl.ioctl(target, linux.FICLONERANGE,
                    struct.pack("<qQQQ", source, 0, 0, 12 * f.block))


def map_blocks(root):
    clone_within_step(folder(root, "clone"), "bmap_finish_one")


def count_references(root, realtime=False):
    clone_within_step(folder(root, "clone", realtime), "refcount_finish_one")


def free_blocks(root):
    """A file without a name is cut: its inode is unlinked, its blocks are on their way."""
    f = folder(root, "free")
    fd = pieces(f, "free/cut", 40)
    f.file("free/kept", 2)
    os.unlink(f.path("free/cut"))
    with Failing(root, "free_extent", 3):
        os.ftruncate(fd, 0)


def forget_owners(root, realtime=False):
    """As free_blocks, one step earlier: neither do the reverse mappings know."""
    f = folder(root, "free", realtime)
    fd = pieces(f, "free/cut", 40)
    with Failing(root, "rmap_finish_one", 3):
        os.ftruncate(fd, f.block)


def set_attribute(root, size):
    f = folder(root, "attributes")
    f.file("attributes/file", 1)
    for number in range(3):
        f.attribute("attributes/file", f"user.before-{number}", 60)
    with open(LARP, "w", encoding="ascii") as file:
        file.write("1")
    f.attribute("attributes/file", "user.done", 90)
    with Failing(root, "larp"):
        f.attribute("attributes/file", "user.before-1", size, 0x78)


def replace_attribute(root):
    set_attribute(root, 300)


def exchange_names(root):
    """Two names change places, and so do the parents that the files remember."""
    f = Filler(root, {})
    for name in ("here", "there"):
        f.mkdir(f"names/{name}")
        f.file(f"names/{name}/file-of-{name}", 1)
    paths = [f.path(f"names/{name}/file-of-{name}") for name in ("here", "there")]
    with Failing(root, "larp"):
        if linux.LIBC.renameat2(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))


INTENTS = {"exchange-between-steps": exchange_between_steps,
           "exchange-within-step": exchange_within_step, "map-blocks": map_blocks,
           "count-references": count_references,
           "count-realtime-references": functools.partial(count_references, realtime=True),
           "forget-realtime-owners": functools.partial(forget_owners, realtime=True),
           "free-blocks": free_blocks,
           "forget-owners": forget_owners, "replace-attribute": replace_attribute,
           "exchange-names": exchange_names}
