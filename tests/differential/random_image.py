"""An image that a seed decides: how mkfs.xfs makes it, and what a kernel does in it.

The same seed makes the same calls; times and where the allocator puts things are those of the run.
"""
import ctypes
import errno
import fcntl
import os
import random
import stat
import struct

from imaging import fill
from judging import linux, manifest, xfsprogs
from judging.errors import CannotJudge

OPERATIONS = 350
LARGEST = 100_000_000   # bytes of a file, holes included: all of them are read, again and again
PUNCH = 3               # fallocate: punch a hole, keep the size
NAMES_IN_LARGE_DIRECTORY = 1500
# What a full or fragmented filesystem may answer without anything being wrong.
HARMLESS = (errno.ENOSPC, errno.EMLINK, errno.ENOTEMPTY, errno.EEXIST, errno.ENAMETOOLONG,
            errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENOENT)


def mkfs_options(dice):
    """A geometry that every mkfs.xfs from 6.1 on makes."""
    block = dice.choice((1024, 2048, 4096, 4096))
    inode = dice.choice([size for size in (512, 1024, 2048) if size <= block // 2])
    sector = 4096 if block == 4096 and dice.random() < 0.25 else 512
    directory = dice.choice([size for size in (block, 4096, 8192, 16384) if size >= block])
    finobt = dice.random() < 0.8
    features = {"finobt": finobt, "inobtcount": finobt and dice.random() < 0.8,
                "bigtime": dice.random() < 0.8, "reflink": dice.random() < 0.8,
                "rmapbt": dice.random() < 0.5}
    inodes = {"sparse": dice.random() < 0.8, "nrext64": dice.random() < 0.4}
    log = ["size=%dm" % dice.choice((12, 16, 24, 40))]
    if dice.random() < 0.4:
        log += ["version=2", "su=%dk" % dice.choice((16, 32, 64, 256))]
    said = {name: ",".join("%s=%d" % item for item in table.items())
            for name, table in (("-m", features), ("-i", inodes))}
    return ["-b", "size=%d" % block, "-s", "size=%d" % sector, "-n", "size=%d" % directory,
            "-d", "agcount=%d" % dice.choice((2, 3, 4, 5)), "-l", ",".join(log),
            "-m", said["-m"], "-i", "size=%d,%s" % (inode, said["-i"])]


def punch_hole(fd, at, length):
    if linux.LIBC.fallocate(fd, PUNCH, ctypes.c_int64(at), ctypes.c_int64(length)):
        raise OSError(ctypes.get_errno(), "fallocate")


class Life:
    """Random operations in a mounted filesystem."""

    def __init__(self, root, dice):
        self.filler = fill.Filler(root, {})
        self.block = self.filler.block
        self.dice = dice
        self.directories = [b"."]
        self.files = []
        self.links = []
        self.count = 0
        self.reflink = True

    def path(self, name):
        return self.filler.path(name)

    def new_name(self):
        self.count += 1
        stem = b"%d" % self.count
        stem += self.dice.choice((b"", b"-plain", b"-" + b"long" * self.dice.randrange(1, 55),
                                  "-\u00e4\u00f6\u20ac".encode(), b"-\x1b[m\n", b"-\xff\xfe\\"))
        return os.path.join(self.dice.choice(self.directories), stem)

    def data(self, size):
        return self.dice.randbytes(min(size, 997)) * (size // min(size, 997) + 1)

    def write(self, fd, size_limit):
        at = self.dice.randrange(size_limit)
        size = self.dice.choice((1, 100, self.block, 3 * self.block, 40000))
        os.pwrite(fd, self.data(size)[:size], at)

    def opened(self):
        return os.open(self.path(self.dice.choice(self.files)), os.O_RDWR)

    def make_directory(self):
        name = self.new_name()
        os.mkdir(self.path(name))
        self.directories.append(name)

    def make_file(self):
        name = self.new_name()
        fd = os.open(self.path(name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            for _ in range(self.dice.choice((0, 1, 1, 2, 5, 15))):
                self.write(fd, self.dice.choice((self.block, 100_000, 3_000_000, LARGEST // 2)))
        finally:
            os.close(fd)
        self.files.append(name)

    def make_fragmented(self):
        """Every other block of a file is given back: a mapping for each that stays."""
        name = self.new_name()
        fd = os.open(self.path(name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            blocks = self.dice.choice((60, 600, 4000))
            os.pwrite(fd, self.data(blocks * self.block)[:blocks * self.block], 0)
            os.fsync(fd)
            for at in range(0, blocks, 2):
                punch_hole(fd, at * self.block, self.block)
        finally:
            os.close(fd)
        self.files.append(name)

    def with_file(self, change):
        fd = self.opened()
        try:
            change(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)

    def overwrite(self):
        self.with_file(lambda fd, size: self.write(fd, size + 100_000))

    def resize(self):
        self.with_file(lambda fd, size: os.ftruncate(
            fd, self.dice.randrange(min(2 * size + 2, LARGEST))))

    def punch(self):
        def change(fd, size):
            punch_hole(fd, self.dice.randrange(size + 1), 1 + self.dice.randrange(50_000))
        self.with_file(change)

    def preallocate(self):
        def change(fd, size):
            first = self.dice.randrange(size // self.block + 20)
            self.filler.allocate(fd, first, 1 + self.dice.randrange(30), self.dice.random() < 0.5)
        self.with_file(change)

    def clone(self):
        name = self.new_name()
        if self.filler.clone(self.dice.choice(self.files), name):
            self.files.append(name)

    def clone_within(self):
        """A file holds the same blocks twice."""
        def change(fd, size):
            blocks = size // self.block
            if blocks < 2 or not self.reflink:
                return
            length = self.dice.randrange(1, blocks // 2 + 1) * self.block
            wanted = struct.pack("qQQQ", fd, 0, length, blocks * self.block)
            try:
                fcntl.ioctl(fd, linux.FICLONERANGE, wanted)
            except OSError as error:
                # Where nothing can be shared, later clones need not be tried.
                if error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY):
                    raise
                self.reflink = False
        self.with_file(change)

    def make_symlink(self):
        name = self.new_name()
        length = self.dice.choice((1, 30, 200, 500, 1000))
        os.symlink((b"target/" * 150)[:length], self.path(name))
        self.links.append(name)

    def make_link(self):
        os.link(self.path(self.dice.choice(self.files)), self.path(self.new_name()))

    def rename(self):
        name, new = self.dice.choice(self.files), self.new_name()
        os.rename(self.path(name), self.path(new))
        self.files[self.files.index(name)] = new

    def remove(self):
        name = self.dice.choice(self.files)
        os.unlink(self.path(name))
        self.files.remove(name)

    def set_attribute(self):
        name = self.dice.choice(self.files + self.links + self.directories)
        key = "trusted." + "k" * self.dice.randrange(1, 60)
        self.filler.attribute(name, key, self.dice.choice((0, 10, 200, 2000, 20000)))

    def set_mode(self):
        self.filler.own(self.dice.choice(self.files), self.dice.randrange(70000),
                        self.dice.randrange(70000), self.dice.randrange(0o1000))

    def live(self):
        weights = ((self.make_file, 30), (self.overwrite, 20), (self.make_directory, 8),
                   (self.make_fragmented, 2), (self.resize, 8), (self.punch, 12),
                   (self.preallocate, 8), (self.clone, 5), (self.clone_within, 4),
                   (self.make_symlink, 6), (self.make_link, 4), (self.rename, 8), (self.remove, 8),
                   (self.set_attribute, 10), (self.set_mode, 4))
        kinds, shares = zip(*weights)
        for _ in range(4):
            self.make_file()
        for kind in [self.make_fragmented] * 2 + self.dice.choices(kinds, shares, k=OPERATIONS):
            try:
                kind()
            except OSError as error:
                if error.errno not in HARMLESS:
                    raise
        if self.dice.random() < 0.5:
            self.fill_directory()
        self.trim()

    def trim(self):
        """Blocks beyond the end go: Linux gives them back when it likes, also in the judge's mount,
        unless the inode has a flag that stays with it when its blocks are exchanged. All files are
        looked for: one whose first name was removed lives on under another."""
        for folder, _, names in os.walk(self.path(b".")):
            for name in names:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    os.truncate(path, status.st_size)

    def fill_directory(self):
        """Many names of one file, in leaf and node blocks of a directory."""
        name = self.new_name()
        os.mkdir(self.path(name))
        first = os.path.join(name, b"first")
        os.close(os.open(self.path(first), os.O_WRONLY | os.O_CREAT, 0o600))
        for i in range(self.dice.randrange(NAMES_IN_LARGE_DIRECTORY)):
            os.link(self.path(first), self.path(os.path.join(name, b"name-%d" % i)))


def build(seed, mkfs, folder):
    """Makes folder/random.img and folder/random.json; the words that mkfs.xfs was given."""
    dice = random.Random(seed)
    image = os.path.join(folder, "random.img")
    for _ in range(20):
        options = mkfs_options(dice)
        with open(image, "wb") as f:
            f.truncate(dice.choice((128, 160, 220)) << 20)
        # Not every log fits every size.
        command = [mkfs, "--unsupported", "-q", *options, image]
        if xfsprogs.run(command, check=False).returncode == 0:
            break
    else:
        raise CannotJudge("mkfs.xfs takes none of twenty geometries")
    with linux.Mounted(image) as m:
        if not m.mounted:
            raise CannotJudge(f"mount: {m.error}")
        Life(m.root, dice).live()
        fill.sync_filesystem(m.root)
    with linux.Mounted(image, read_only=True) as m:
        if not m.mounted:
            raise CannotJudge(f"read-only mount: {m.error}")
        entries = manifest.walk(m.root)
    head = {"schema": 1, "image": "random", "bytes": os.path.getsize(image), "log": "clean",
            "expect": "swap", "superblock": manifest.superblock(image)}
    manifest.save(os.path.join(folder, "random.json"), head, entries)
    return options
