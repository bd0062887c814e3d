"""Files of an image, and the same in memory: a list of blocks each, which exchanges move about."""
import ctypes
import os

from judging import linux, manifest

HOLE, UNWRITTEN, WRITTEN = 0, 1, 2
PUNCH, KEEP_SIZE = 3, 1
FICLONE = 0x40049409


class File:
    """size: bytes. blocks: for each block (state, contents), contents None where it reads as 0."""

    def __init__(self, block, size, blocks):
        self.block, self.size, self.blocks = block, size, blocks

    def at(self, index):
        return self.blocks[index] if index < len(self.blocks) else (HOLE, None)

    def put(self, index, value):
        if index >= len(self.blocks):
            if value[0] == HOLE:
                return
            self.blocks += [(HOLE, None)] * (index + 1 - len(self.blocks))
        self.blocks[index] = value

    def bytes(self):
        zeros = bytes(self.block)
        count = -(-self.size // self.block)
        return b"".join(self.at(i)[1] or zeros for i in range(count))[:self.size]


def exchange(one, two, start1, start2, length, written_only=False, unit=1):
    """In blocks; ONE and TWO may be the same. A unit goes as a whole if any block of it does."""
    first = [one.at(start1 + i) for i in range(length)]
    second = [two.at(start2 + i) for i in range(length)]
    for i in range(length):
        same = first[i - i % unit:i - i % unit + unit]
        if not written_only or any(state == WRITTEN for state, _ in same):
            one.put(start1 + i, second[i])
            two.put(start2 + i, first[i])


def allocate(fd, mode, at, length):
    if linux.LIBC.fallocate(fd, mode, ctypes.c_int64(at), ctypes.c_int64(length)):
        raise OSError(ctypes.get_errno(), "fallocate")


class Maker:
    """Makes files in a mounted filesystem, each block unlike every other."""

    def __init__(self, root, block, dice, reflink, unit=1):
        self.root, self.block, self.dice, self.reflink = root, block, dice, reflink
        self.unit = unit        # blocks that are allocated together

    def data(self, name, index):
        return (b"%s block %d " % (name.encode(), index)).ljust(64, b".") * (self.block // 64)

    def write(self, fd, name, first, count):
        os.pwrite(fd, b"".join(self.data(name, i) for i in range(first, first + count)),
                  first * self.block)

    def make(self, name, change):
        fd = os.open(os.path.join(self.root, name), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            change(fd)
            os.fsync(fd)
        finally:
            os.close(fd)

    def fragmented(self, name, units, odd):
        def change(fd):
            self.write(fd, name, 0, units * self.unit)
            os.fsync(fd)
            size = self.unit * self.block
            for i in range(odd, units, 2):
                allocate(fd, PUNCH, i * size, size)
        self.make(name, change)

    def plain(self, name, blocks, tail=0):
        def change(fd):
            self.write(fd, name, 0, blocks)
            os.pwrite(fd, b"end" * (tail // 3), blocks * self.block)
        self.make(name, change)

    def mixed(self, name, blocks):
        def change(fd):
            os.ftruncate(fd, blocks * self.block)
            at = 0
            while at < blocks:
                run = min(1 + self.dice.randrange(6), blocks - at)
                kind = self.dice.randrange(3)
                if kind == WRITTEN:
                    self.write(fd, name, at, run)
                elif kind == UNWRITTEN:
                    allocate(fd, KEEP_SIZE, at * self.block, run * self.block)
                at += run
            allocate(fd, KEEP_SIZE, (blocks + 2) * self.block, 3 * self.block)
        self.make(name, change)

    def clone(self, name, source, changed):
        """A clone, and every so many blocks a block of its own in it."""
        def change(fd):
            with open(os.path.join(self.root, source), "rb") as other:
                if linux.LIBC.ioctl(fd, FICLONE, other.fileno()):
                    raise OSError(ctypes.get_errno(), "FICLONE")
            for i in range(0, os.fstat(fd).st_size // self.block, changed):
                self.write(fd, name, i, 1)
        self.make(name, change)

    def all(self):
        self.fragmented("many-a", 10000 if self.dice.random() < 0.3 else 1200, 0)
        self.fragmented("many-b", 900, 1)
        self.fragmented("some", 60, 1)
        self.plain("one", 40)
        self.plain("large", 700, 33)
        self.plain("empty", 0)
        self.mixed("mixed-a", 80)
        self.mixed("mixed-b", 300)
        if self.reflink:
            self.clone("clone-a", "large", 9)
            self.clone("clone-b", "many-b", 40)
            self.clone("clone-c", "one", 7)


def load(root, block):
    """{name: File} of a mounted filesystem, by what Linux says of it."""
    found = {}
    for name in sorted(os.listdir(root)):
        path = os.path.join(root, name)
        with open(path, "rb") as f:
            data = f.read()
            runs = manifest.mappings(f.fileno())
        found[name] = of_mappings(block, data, runs)
    return found


def of_mappings(block, data, runs):
    """A File with these contents; RUNS as manifest.mappings has them."""
    blocks = []
    for offset, _, length, flags in runs:
        first, count = offset // block, -(-length // block)
        blocks += [(HOLE, None)] * (first - len(blocks))
        for i in range(first, first + count):
            piece = data[i * block:(i + 1) * block].ljust(block, b"\0")
            blocks.append((UNWRITTEN, None) if "u" in flags else (WRITTEN, piece))
    return File(block, len(data), blocks)
