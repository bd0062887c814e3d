"""What the running kernel writes into an image.

Everything is a function of the names and the block size, so two builds differ only in
times, generation numbers and where the allocator puts things. Contents are one line per
block, repeated: it names file and block, and it compresses well.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import socket
import stat
import struct

from judging import linux, manifest

FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE = 1, 2
XFLAG_IMMUTABLE, XFLAG_APPEND = 0x8, 0x10

# Files without an attribute fork, of which some must have room for 20 mappings in the inode.
NO_ATTRIBUTE_FORK = {"one-a", "twenty-a", "twenty-b", "range-a", "mixed-b", "tall-a",
                     "shared-b", "long-fork", "bystander-0", "original"}


class Filler:
    """A mounted filesystem to put things in; paths are relative to its root."""

    def __init__(self, root, options):
        self.root = root
        self.options = options
        self.block = os.statvfs(root).f_frsize
        # Made so, their roots grow wide before attributes take room, and fit both inodes.
        self.no_attribute_fork = NO_ATTRIBUTE_FORK | {"many-a", "many-b"}
        self.piece = mmap.mmap(-1, 1 << 20)     # direct writes need aligned memory

    def path(self, name):
        return os.path.join(os.fsencode(self.root), os.fsencode(name))

    def mkdir(self, name):
        os.makedirs(self.path(name), exist_ok=True)

    def contents(self, name, block):
        line = b"%s block %d\n" % (os.fsencode(name).replace(b"\n", b"?"), block)
        return (line * (self.block // len(line) + 1))[:self.block]

    def open_direct(self, name, blocks):
        """The size first: a write beyond the end would preallocate more than asked."""
        if os.path.basename(name) in self.no_attribute_fork:
            fd = self.open_unnamed(name)
        else:
            fd = os.open(self.path(name), os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o644)
        os.ftruncate(fd, blocks * self.block)
        return fd

    def open_unnamed(self, name):
        """A file that is linked only after it was made: such a one has no attribute fork.

        Where a security module is loaded, the kernel gives each inode that it makes under
        a name room for attributes, and so leaves the data fork only 192 bytes of 336.
        """
        fd = os.open(os.path.dirname(self.path(name)),
                     os.O_RDWR | os.O_TMPFILE | os.O_DIRECT, 0o644)
        os.link(f"/proc/self/fd/{fd}", self.path(name), src_dir_fd=fd, follow_symlinks=True)
        return fd

    def write(self, fd, name, first, count=1):
        """COUNT blocks in one request, so that they become one mapping."""
        length = count * self.block
        self.piece[:length] = b"".join(self.contents(name, first + i) for i in range(count))
        done = os.pwritev(fd, [memoryview(self.piece)[:length]], first * self.block)
        assert done == length

    def file(self, name, blocks, tail=0):
        """BLOCKS blocks in one mapping; the size is TAIL bytes short of their end."""
        fd = self.open_direct(name, blocks)
        at = 0
        while at < blocks:
            count = min(blocks - at, (1 << 20) // self.block)
            self.write(fd, name, at, count)
            at += count
        os.ftruncate(fd, blocks * self.block - tail)
        os.close(fd)

    def interleave(self, first, first_count, second, second_count, tail=0, unit=1):
        """Two files whose blocks alternate on the disk: each unit is a mapping of its own.

        Once the shorter one is complete the longer one goes on with a hole after each unit.
        """
        assert first_count >= second_count
        spread = (2 * first_count - second_count) * unit
        fds = self.open_direct(first, spread), self.open_direct(second, second_count * unit)
        for i in range(first_count):
            at = i if i < second_count else 2 * i - second_count + 1
            self.write(fds[0], first, at * unit, unit)
            if i < second_count:
                self.write(fds[1], second, i * unit, unit)
        os.ftruncate(fds[0], spread * self.block - tail)
        os.ftruncate(fds[1], second_count * unit * self.block - 2 * tail)
        for fd in fds:
            os.close(fd)

    def allocate(self, fd, first, count, keep_size=False):
        mode = FALLOC_KEEP_SIZE if keep_size else 0
        if linux.LIBC.fallocate(fd, mode, ctypes.c_int64(first * self.block),
                                ctypes.c_int64(count * self.block)):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def punch(self, fd, first, count):
        mode = FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE
        if linux.LIBC.fallocate(fd, mode, ctypes.c_int64(first * self.block),
                                ctypes.c_int64(count * self.block)):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def use_up(self, name, unit):
        """Allocates UNIT blocks at a time until the last are no longer one run."""
        fd = os.open(self.path(name), os.O_RDWR | os.O_CREAT, 0o644)
        at = 0
        while True:
            self.allocate(fd, at, unit)
            pieces = [m for m in manifest.mappings(fd) if m[0] >= at * self.block]
            if len(pieces) > 1:
                break
            at += unit
        os.ftruncate(fd, at * self.block)
        os.close(fd)

    def attribute(self, name, key, size, seed=0x61):
        os.setxattr(self.path(name), key, bytes([seed]) * size, follow_symlinks=False)

    def clone(self, source, target):
        src = os.open(self.path(source), os.O_RDONLY)
        dst = os.open(self.path(target), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.ioctl(dst, linux.FICLONE, src)
            return True
        except OSError as e:
            if e.errno != errno.EOPNOTSUPP:
                raise
            os.unlink(self.path(target))
            return False
        finally:
            os.close(src)
            os.close(dst)

    def own(self, name, uid, gid, mode):
        os.chown(self.path(name), uid, gid, follow_symlinks=False)
        os.chmod(self.path(name), mode)

    def set_flags(self, name, flags):
        fd = os.open(self.path(name), os.O_RDONLY)
        fcntl.ioctl(fd, linux.FS_SETXATTR, struct.pack("<5I8x", flags, 0, 0, 0, 0))
        os.close(fd)


def swap_pairs(f):
    """The pairs that every image has: see images/README.md."""
    f.mkdir("swap/sub")
    for i in range(4):
        f.file(f"swap/sub/bystander-{i}", 2 + i, tail=11 * i)
    f.own("swap/sub/bystander-1", 1000, 1000, 0o640)
    f.file("swap/one-a", 3, tail=100)
    f.file("swap/one-b", 7, tail=301)
    f.own("swap/one-b", 1000, 100, 0o600)
    f.interleave("swap/twenty-a", 20, "swap/twenty-b", 9, tail=77)
    f.own("swap/twenty-a", 7, 8, 0o4711)
    f.file("swap/empty", 0)
    mixed(f)
    ranges(f)
    f.interleave("swap/attr-a", 6, "swap/attr-b", 4, tail=5)
    f.attribute("swap/attr-a", "user.short", 40)
    f.attribute("swap/attr-a", "user.other", 20, 0x62)
    if f.clone("swap/sub/bystander-3", "swap/shared-a"):
        fd = os.open(f.path("swap/shared-a"), os.O_RDWR | os.O_DIRECT)
        f.write(fd, "swap/shared-a", 1)
        os.close(fd)
        f.file("swap/shared-b", 2, tail=9)


def mixed(f):
    """Holes, unwritten mappings and blocks past the end of the file."""
    fd = f.open_direct("swap/mixed-a", 24)
    f.allocate(fd, 0, 6)
    f.write(fd, "swap/mixed-a", 2)
    f.write(fd, "swap/mixed-a", 9, 3)
    f.write(fd, "swap/mixed-a", 20)
    os.ftruncate(fd, 21 * f.block - 13)
    f.allocate(fd, 24, 5, keep_size=True)
    os.close(fd)
    fd = f.open_direct("swap/mixed-b", 9)
    f.write(fd, "swap/mixed-b", 1, 2)
    f.allocate(fd, 5, 4)
    os.ftruncate(fd, 9 * f.block - 50)
    os.close(fd)


def ranges(f):
    """Two files of one size, a few mappings each, boundaries at different places."""
    names = "swap/range-a", "swap/range-b"
    fds = [f.open_direct(name, 32) for name in names]
    for at in (0, 4, 8, 16, 20, 28):
        f.write(fds[0], names[0], at, 4)
        if at % 8 == 0:
            f.write(fds[1], names[1], at, 8)
    for fd in fds:
        os.close(fd)


def many_mappings(f):
    """Mapping btrees; one file's fork area is smaller by its attributes.

    Either root is such that the other area needs the same: what a root points to lies in it
    wherever it would fit, or scrub calls the tree corrupt.
    """
    f.interleave("swap/many-a", 3000, "swap/many-b", 1100 if f.block > 1024 else 1300, tail=201)
    f.attribute("swap/many-a" if f.block > 1024 else "swap/many-b", "user.note", 30)


def tall_tree(f):
    """A btree of two levels below its root, at 1k blocks."""
    f.interleave("swap/tall-a", 5000, "swap/tall-b", 2500, tail=3)


def shapes(f):
    """Every kind of inode, every form of fork, directory and attribute."""
    directories(f)
    f.mkdir("shapes")
    f.file("shapes/target", 1, tail=40)
    for i in range(1, 4):
        os.link(f.path("shapes/target"), f.path(f"shapes/link-{i}"))
    os.symlink(b"target", f.path("shapes/symlink-local"))
    os.symlink(b"r" * 1000, f.path("shapes/symlink-remote"))
    os.mknod(f.path("shapes/null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(f.path("shapes/disk"), stat.S_IFBLK | 0o660, os.makedev(259, 70000))
    os.mkfifo(f.path("shapes/fifo"), 0o600)
    here = os.getcwd()      # the names of sockets are short
    os.chdir(f.path("shapes"))
    socket.socket(socket.AF_UNIX).bind("socket")
    os.chdir(here)
    fd = f.open_direct("shapes/hole-only", 40)
    os.close(fd)
    fd = f.open_direct("shapes/unwritten-only", 0)
    f.allocate(fd, 0, 12)
    os.close(fd)
    attributes(f)
    f.file("shapes/original", 10, tail=1)
    f.clone("shapes/original", "shapes/copy")


def attributes(f):
    """Attribute forks: local, one block (leaf), several blocks (node), a remote value."""
    for name, sizes in (("local", (10, 30)), ("leaf", (200, 200, 200, 100)),
                        ("remote", (20000,)), ("node", (f.block // 3,) * 12)):
        name = f"shapes/attr-{name}"
        f.file(name, 2, tail=17)
        for i, size in enumerate(sizes):
            f.attribute(name, f"user.key-{i}", size, 0x61 + i)
    f.mkdir("shapes/attr-dir")
    f.attribute("shapes/attr-dir", "user.key", 50)


def directories(f):
    """Directories in short form, one block, leaf and node form, some entries deleted."""
    f.mkdir("dirs")
    f.file("dirs/link-target", 1)
    for name, count, width in (("short", 4, 8), ("block", 20, 16), ("leaf", 90, 100),
                               ("node", 1100, 12)):
        f.mkdir(f"dirs/{name}")
        for i in range(count):
            entry = f"dirs/{name}/{i:06d}".ljust(len(f"dirs/{name}/") + width, "x")
            os.link(f.path("dirs/link-target"), f.path(entry))
    for i in range(2, 1100, 3):         # stale entries and free space in the middle
        os.unlink(f.path(f"dirs/node/{i:06d}".ljust(len("dirs/node/") + 12, "x")))
    long_links = f.options.get("long_links", 0)
    if long_links:
        f.mkdir("dirs/btree")
        for i in range(long_links):
            os.link(f.path("dirs/link-target"),
                    f.path(f"dirs/btree/{i:06d}".ljust(16 + 250, "y")))
    f.mkdir("dirs/files")
    for i in range(150):
        os.close(os.open(f.path(f"dirs/files/{i:03d}"), os.O_CREAT | os.O_WRONLY, 0o600))
    f.mkdir("dirs/empty/nested/deeper")


def refusals(f):
    """What `xfsx swap` shall refuse."""
    f.mkdir("refuse")
    f.file("refuse/immutable", 1)
    f.file("refuse/append-only", 2)
    f.file("refuse/capability", 2)
    os.setxattr(f.path("refuse/capability"), "security.capability",
                struct.pack("<5I", 0x2000000 | 1, 0x400, 0, 0, 0))
    f.interleave("refuse/long-fork", 18, "refuse/small-area", 2)
    f.attribute("refuse/small-area", "user.large", 150)
    f.set_flags("refuse/immutable", XFLAG_IMMUTABLE)
    f.set_flags("refuse/append-only", XFLAG_APPEND)


def names(f):
    """Names that a terminal, a text file or JSON cannot take as they are."""
    f.mkdir("names")
    for name in (b"new\nline", b"esc\x1b[31mred", b"\xff\xfe-not-utf-8",
                 "\u00fcn\u00efc\u00f6de".encode(), b"back\\slash", b"with space", b"-dash",
                 b"q\"uote", b"x" * 255):
        f.file(b"names/" + name, 1, tail=3)
    os.symlink(b"to-\xfe\xff", f.path("names/symlink-not-utf-8"))


def ag_trees(f):
    """Btrees of an AG with several levels, each cheap to store.

    Shared blocks of which every other one is copied; free space in islands too small for a
    whole chunk of inodes, so that the inodes of the second half are sparse chunks, and of each
    such chunk one inode remains.
    """
    f.mkdir("trees")
    f.file("trees/shared", 400)
    f.clone("trees/shared", "trees/copied")
    fd = os.open(f.path("trees/copied"), os.O_RDWR | os.O_DIRECT)
    for block in range(0, 400, 2):
        f.write(fd, "trees/copied", block)
    os.close(fd)
    f.clone("trees/copied", "trees/thrice")
    f.file("trees/last", 3)
    f.attribute("trees/last", "user.large", 20000)
    free = os.statvfs(f.root).f_bavail
    fd = os.open(f.path("trees/islands"), os.O_RDWR | os.O_CREAT, 0o644)
    blocks = free - free // 20
    os.ftruncate(fd, blocks * f.block)
    f.allocate(fd, 0, blocks)
    # Too short for a whole chunk (its 32 blocks and their alignment), long enough for a sparse one.
    for number, first in enumerate(range(0, blocks - 64, 64)):
        f.punch(fd, first, 44 + number % 3)
    f.use_up("trees/rest", 64)
    for i in range(3000):
        os.close(os.open(f.path(f"trees/{i:04d}"), os.O_CREAT | os.O_WRONLY, 0o600))
    inodes = set()
    for i in range(3000):
        chunk = os.stat(f.path(f"trees/{i:04d}")).st_ino // 64
        if chunk in inodes:
            os.unlink(f.path(f"trees/{i:04d}"))
        inodes.add(chunk)
    os.close(fd)


PARTS = {"swap": swap_pairs, "many": many_mappings, "tall": tall_tree, "shapes": shapes,
         "refuse": refusals, "names": names, "trees": ag_trees}


def sync_file(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def sync_filesystem(root):
    fd = os.open(root, os.O_RDONLY)
    done = linux.LIBC.syncfs(fd)
    os.close(fd)
    if done:
        raise OSError(ctypes.get_errno(), "syncfs")


def run_log_round(mounted, log_blocks, stop, piece):
    """Fills the log until its head is past STOP basic blocks in the third cycle or later."""
    f = Filler(mounted.root, {})
    f.mkdir("churn")
    value = int(f.block * 0.6)
    count = max(1, min(64, piece // value))
    for i in range(64):
        os.close(os.open(f.path(f"churn/{i}"), os.O_CREAT | os.O_WRONLY, 0o600))
    step = 0
    while True:
        cycle, head = mounted.log_head()
        if cycle >= 3 and stop <= head < log_blocks:
            break
        near = cycle >= 3 and 0 < stop - head < log_blocks // 5
        for i in range(1 if near else count):
            f.attribute(f"churn/{i}", "user.churn", value, 0x61 + step % 26)
        if near:
            sync_file(f.path("churn/0"))
        else:
            sync_filesystem(mounted.root)
        step += 1
    for i in range(64):
        os.unlink(f.path(f"churn/{i}"))
    os.rmdir(f.path("churn"))
