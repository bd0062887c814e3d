"""What the tests named after rows of xfstests share.

A row of xfstests exchanges files of a mounted filesystem. Here mkfs.xfs makes an image, this
kernel fills it, xfsx exchanges, and Linux judges: it mounts, reads back what the row expects,
finds everything else as it was, and xfs_repair -n of every version here is silent.
"""

import argparse
import atexit
import contextlib
import ctypes
import fcntl
import functools
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", part) for part in ("oracle", "cli", "stages/lib")]
import machine  # noqa: E402
import xfs_db  # noqa: E402
from judging import linux, manifest, xfsprogs  # noqa: E402
from judging.court import Court  # noqa: E402
from support import xfsx  # noqa: E402

UNIT = 65536            # what the rows call a block
SIZE = 160 << 20        # bytes of an image, most of them holes
FULL = os.environ.get("XFSX_FULL") == "1"       # the debug kernel with scrub judges too
KEEP_SIZE, PUNCH_HOLE = 1, 2
REFUSED, CHANGED = 1, 64        # exit statuses
FLAGS2_AT, REFLINK = 120, 1 << 1

# What the images are made of: the words for mkfs.xfs, and which version of it knows them.
FEATURES = {
    "plain": ("6.1", ["-m", "rmapbt=0,reflink=1"]),
    "rmapbt": ("6.1", ["-m", "rmapbt=1,reflink=1"]),
    "nrext64": ("6.1", ["-m", "rmapbt=0,reflink=1", "-i", "nrext64=1"]),
    "exchange": ("6.13", ["-m", "rmapbt=1,reflink=1", "-i", "nrext64=1,exchange=1"]),
    "parent": ("6.13", ["-m", "rmapbt=1,reflink=1", "-i", "nrext64=1,exchange=1", "-n",
                        "parent=1"]),
    "metadir": ("6.13", ["-m", "rmapbt=1,reflink=1,metadir=1", "-i", "exchange=1"]),
    "block1k": ("6.1", ["-m", "rmapbt=1,reflink=1", "-b", "size=1024"]),
}


@functools.lru_cache(maxsize=None)
def scratch():
    """Memory, where there is some; removed at the end."""
    folder = tempfile.mkdtemp(prefix="xfsx-fstests.", dir=linux.scratch_directory())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.lru_cache(maxsize=None)
def cannot_judge():
    """Why this machine cannot judge, or None."""
    if not machine.is_root():
        return "needs root"
    if not machine.has_loop():
        return "no free loop device"
    return None if machine.kernel_has_xfs() else "the kernel has no XFS"


def mkfs_program(version):
    program = os.path.join(xfsprogs.directory(), "mkfs.xfs-" + version)
    if os.access(program, os.X_OK):
        return program
    return "mkfs.xfs" if version == "6.1" and shutil.which("mkfs.xfs") else None


def write(path, *pieces):
    """A file of pieces (offset, byte, length), written to the disk."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        for at, byte, length in pieces:
            os.pwrite(fd, bytes([byte]) * length, at)
        os.fsync(fd)
    finally:
        os.close(fd)


def fill(path, byte, length):
    """F(byte, length)."""
    write(path, (0, byte, length))


def fallocate(path, mode, *ranges):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        for at, length in ranges:
            if linux.LIBC.fallocate(fd, mode, ctypes.c_int64(at), ctypes.c_int64(length)):
                raise OSError(ctypes.get_errno(), "fallocate")
        os.fsync(fd)
    finally:
        os.close(fd)


def punch_alternating(path, block, first=0):
    """Gives back every other block, from block `first` on."""
    size = os.stat(path).st_size
    fallocate(path, PUNCH_HOLE | KEEP_SIZE,
              *((at, block) for at in range(first * block, size, 2 * block)))


def weave_rainbow(path, count):
    """Of each five units one is unwritten, three are data of two bytes, one or two are holes."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.ftruncate(fd, count * UNIT)
    os.close(fd)
    fallocate(path, 0, *((i * UNIT, UNIT) for i in range(1, count, 5)))
    write(path, *((i * UNIT, 0x71 if i % 5 == 3 else 0x62, UNIT) for i in range(count)
                  if i % 5 in (3, 4)))


def clone(source, target):
    with open(source, "rb") as one, open(target, "wb") as two:
        fcntl.ioctl(two, linux.FICLONE, one.fileno())


def set_flags(path, xflags, hint=0):
    """Flags of an inode as FS_IOC_FSSETXATTR has them, and its extent size hint in bytes."""
    fd = os.open(path, os.O_RDONLY)
    try:
        raw = bytearray(28)
        fcntl.ioctl(fd, linux.FS_GETXATTR, raw, True)
        struct.pack_into("<2I", raw, 0, xflags, hint)
        fcntl.ioctl(fd, linux.FS_SETXATTR, raw)
    finally:
        os.close(fd)


class Image:
    """A filesystem of the test's own, with what it was before the exchanges of the row."""

    def __init__(self, test, features, filler, size):
        version, words = FEATURES[features]
        program = mkfs_program(version)
        if program is None:
            test.skipTest("xfsprogs %s or later is not here" % version)
        self.test, self.exchanges = test, []
        folder = tempfile.mkdtemp(dir=scratch())
        test.addCleanup(shutil.rmtree, folder)
        self.path, self.base = (os.path.join(folder, name) for name in ("image", "base"))
        with open(self.path, "wb") as file:
            file.truncate(size)
        environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
        done = subprocess.run([program, "-q", "--unsupported", "-d", "agcount=2", "-l", "size=16m",
                               *words, self.path], stdout=subprocess.PIPE, env=environment,
                              stderr=subprocess.STDOUT, text=True, check=False)
        test.assertEqual(done.returncode, 0, done.stdout)
        self.change(filler)

    def change(self, filler):
        """Lets this kernel change the filesystem; what comes after is judged by what it is now."""
        with linux.Mounted(self.path) as m:
            self.test.assertTrue(m.mounted, m.error)
            filler(m.root)
        linux.sparse_copy(self.path, self.base)
        self.exchanges = []

    @contextlib.contextmanager
    def seen(self):
        """Where this kernel shows the filesystem without writing to it."""
        with linux.Mounted(self.path, read_only=True, options="nouuid,norecovery") as m:
            self.test.assertTrue(m.mounted, m.error)
            yield m.root

    def md5(self, *names):
        found = []
        with self.seen() as root:
            for name in names:
                with open(root + name, "rb") as file:
                    found.append(hashlib.md5(file.read()).hexdigest())
        return found

    def digest(self):
        """Of everything but zeros, and of where it lies."""
        state, zeros = hashlib.sha256(), bytes(UNIT)
        with open(self.path, "rb") as file:
            end = at = os.fstat(file.fileno()).st_size
            with contextlib.suppress(OSError):      # no data from here on
                at = os.lseek(file.fileno(), 0, os.SEEK_DATA) // UNIT * UNIT
                while at < end:
                    chunk = os.pread(file.fileno(), UNIT, at)
                    if chunk != zeros:
                        state.update(b"%d:" % at + chunk)
                    at = os.lseek(file.fileno(), at + UNIT, os.SEEK_DATA) // UNIT * UNIT
        return state.hexdigest()

    def inode(self, name):
        """The inode's core as xfs_db prints it, and a few of its fields as numbers."""
        number = int(json.loads(xfsx("stat", self.path, name, "--json").out)["status"]["inode"])
        said = subprocess.run([xfs_db.program(self.path), "-r", "-c", "inode %d" % number, "-c",
                               "p", self.path], stdout=subprocess.PIPE, text=True, check=True)
        return xfs_db.fields(said.stdout)

    def plan(self, *words):
        return json.loads(self.swap(*words, "--json").out)["plan"]

    def swap(self, *words, **how):
        """An exchange that must succeed; told to the judge are files, offsets and length."""
        done = xfsx("swap", self.path, *map(str, words), **how)
        self.test.assertEqual(done.status, 0, "%s: %s" % (words, done.err))
        return done

    def exchange(self, one, two, at1=0, at2=0, length=None):
        """A range, or all from the offsets on, remembered for the judge."""
        words = ["--offset1", at1, "--offset2", at2] if length is None and at1 + at2 else []
        if length is not None:
            words = ["--offset1", at1, "--offset2", at2, "--length", length]
        self.swap(one, two, *words)
        self.exchanges.append((os.fsencode(one), os.fsencode(two), at1, at2, length))

    def refused(self, words, errno_name, status=REFUSED):
        """One line that names the errno, and not one byte of the image changed."""
        before = self.digest()
        done = xfsx("swap", self.path, *map(str, words))
        self.test.assertEqual(done.status, status, "%s: %s" % (words, done.err))
        self.test.assertRegex(done.err, r"\A[^\n]*\[%s\]\n\Z" % errno_name)
        self.test.assertEqual(self.digest(), before, words)

    def judge(self, ignore=()):
        """What all rows end with."""
        told = self.base + ".json"
        with linux.Mounted(self.base, read_only=True, options="nouuid,norecovery") as m:
            self.test.assertTrue(m.mounted, m.error)
            manifest.save(told, {"schema": 1, "superblock": manifest.superblock(self.base)},
                          manifest.walk(m.root))
        court = Court(argparse.Namespace(
            repair="all", base=self.base, manifest=told, equal_once=False, swapped=[],
            swapped_attributes=[], swapped_forks=[], range=self.exchanges, crash_state=False,
            old_or_new=False, in_place=False, dirty_ok=False, expect_clean=True,
            uml=FULL and bool(machine.debug_kernels()), no_mappings=False, ignore=list(ignore),
            first=False))
        try:
            verdict = court.judge(self.path)
        finally:
            court.close()
        self.test.assertEqual(verdict.problems, [], verdict.as_text())


class Row(unittest.TestCase):
    """A row: images of the features that it is run with, one after another."""

    maxDiff = None

    def setUp(self):
        why = cannot_judge()
        if why:
            self.skipTest(why)

    def image(self, filler, features="plain", size=SIZE):
        return Image(self, features, filler, size)
