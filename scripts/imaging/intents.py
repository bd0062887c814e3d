"""Operations of many steps that are cut off: the filesystem is shut down while they run, and the
log holds intents without the items that say that they are done. Which ones is left to chance; the
builder tries until the log holds those that the recipe wants.
"""
import ctypes
import errno
import fcntl
import functools
import os
import random
import struct
import threading
import time

from imaging.fill import Filler, sync_filesystem
from imaging.quotas import device_of
from imaging.realtime import XFLAG_RTINHERIT, set_xattr
from judging import linux

EXCHANGE_RANGE = 0x40285881     # XFS_IOC_EXCHANGE_RANGE
RENAME_EXCHANGE = 2
AT_FDCWD = -100
LOG_ATTRIBUTES = "/sys/fs/xfs/debug/larp"
STOPPED = (errno.EIO, errno.EUCLEAN)
# Mappings of a file: so many steps that an operation goes on while the log is being forced out.
MAPPINGS = 300
LONGEST = 0.02                  # seconds that pass until the log is forced, or the shutdown


def shut_down_soon(fd):
    """The log is forced out first, once or twice: what is done and open then stays in it, while
    an intent that is done in time leaves no trace."""
    for _ in range(random.randrange(3)):
        time.sleep(random.uniform(0, LONGEST))
        linux.LIBC.syncfs(fd)
    time.sleep(random.uniform(0, LONGEST))
    linux.shut_down(fd)


def cut_off(root, operation, again=True):
    """Shuts the filesystem down while the operation runs, AGAIN and again if wanted."""
    sync_filesystem(root)
    fd = os.open(root, os.O_RDONLY)
    thread = threading.Thread(target=shut_down_soon, args=(fd,))
    thread.start()
    try:
        operation()
        while again:
            operation()
    except OSError as error:
        if error.errno not in STOPPED:
            raise
    thread.join()
    os.close(fd)


def folder(root, name, realtime=False):
    """Where the files of an operation lie."""
    f = Filler(root, {})
    f.mkdir(name)
    if realtime:
        set_xattr(f, name, XFLAG_RTINHERIT)
    return f


def pieces(f, name):
    """A file of blocks with holes between them, each a mapping of its own; it is open."""
    fd = f.open_direct(name, 2 * MAPPINGS)
    for block in range(0, 2 * MAPPINGS, 2):
        f.write(fd, name, block)
    return fd


def exchange(root):
    """The intent is renewed after each step, which has intents of its own."""
    f = folder(root, "exchange")
    one, two = (pieces(f, f"exchange/{name}") for name in ("one", "two"))
    whole = struct.pack("<iI4Q", one, 0, 0, 0, 2 * MAPPINGS * f.block, 0)
    cut_off(root, lambda: fcntl.ioctl(two, EXCHANGE_RANGE, whole))
    os.close(one)
    os.close(two)


def clone(root, realtime=False):
    """A file receives blocks of two others in turn; what it loses is shared, too."""
    f = folder(root, "clone", realtime)
    sources = [pieces(f, f"clone/{name}") for name in ("one", "two")]
    target = os.open(f.path("clone/target"), os.O_RDWR | os.O_CREAT, 0o644)

    def both():
        for source in sources:
            fcntl.ioctl(target, linux.FICLONERANGE,
                        struct.pack("<qQQQ", source, 0, 0, 2 * MAPPINGS * f.block))

    cut_off(root, both)
    for fd in (*sources, target):
        os.close(fd)


def free(root, realtime=False):
    """A file without a name is cut: its inode is unlinked, its blocks are on their way."""
    f = folder(root, "free", realtime)
    f.file("free/kept", 2)
    fd = f.open_direct("free/cut", 0)
    for block in range(0, 6 * MAPPINGS, 2):
        f.allocate(fd, block, 1)
    os.unlink(f.path("free/cut"))
    cut_off(root, lambda: os.ftruncate(fd, 0), again=False)
    os.close(fd)


def parents(root):
    """Two names change places, and so do the parents that the files remember."""
    f = Filler(root, {})
    for name in ("here", "there"):
        f.mkdir(f"parents/{name}")
        f.file(f"parents/{name}/file-of-{name}", 1)
    paths = [f.path(f"parents/{name}/file-of-{name}") for name in ("here", "there")]

    def swap_names():
        if linux.LIBC.renameat2(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    cut_off(root, swap_names)


def attribute(root):
    """A value is replaced by a longer one. Only a debug kernel logs intents for attributes that
    users set, and there the step can be told to fail."""
    f = folder(root, "attribute")
    f.file("attribute/file", 1)
    for number in range(3):
        f.attribute("attribute/file", f"user.before-{number}", 60)
    sync_filesystem(root)
    fail = f"/sys/fs/xfs/{os.path.basename(device_of(root))}/errortag/larp"
    for knob in (LOG_ATTRIBUTES, fail):
        with open(knob, "w", encoding="ascii") as file:
            file.write("1")
    try:
        f.attribute("attribute/file", "user.before-1", 300, 0x78)
    except OSError as error:
        if error.errno not in STOPPED:
            raise


CUT_OFF = {"exchange": exchange, "clone": clone, "free": free, "parents": parents,
           "attribute": attribute, "realtime-clone": functools.partial(clone, realtime=True),
           "realtime-free": functools.partial(free, realtime=True)}
