"""Disks that have been judged, so that an equal one need not be judged again.

Thousands of crash states become, once Linux has recovered and unmounted them, one of a handful
of filesystems: the old one, the new one replayed, the new one written home. What Linux reads of a
disk and what xfs_repair thinks of it depend on nothing but its bytes. Left out of the comparison
are the log, which an unmount leaves clean wherever its head is, and the LSN and checksum of the
first superblock, which name that head.
"""
import contextlib
import fcntl
import os
import struct
from dataclasses import dataclass

from . import linux

PIECE = 1 << 16
SECTOR = 512
CRC = (224, 4)      # bytes of the superblock
LSN = (240, 8)
SHARED = ".disk"


def log_of(superblock):
    """(first byte, end) of the internal log; nothing where the log lies elsewhere."""
    block_size, = struct.unpack_from(">I", superblock, 4)
    log_start, = struct.unpack_from(">Q", superblock, 48)
    ag_blocks, = struct.unpack_from(">I", superblock, 84)
    log_blocks, = struct.unpack_from(">I", superblock, 96)
    if log_start == 0:
        return 0, 0
    bits = superblock[124]
    group, block = log_start >> bits, log_start & ((1 << bits) - 1)
    begin = (group * ag_blocks + block) * block_size
    return begin, begin + log_blocks * block_size


def _without(data, at, begin, end):
    """DATA, which lies AT, with the bytes from BEGIN to END zero."""
    first, last = max(begin - at, 0), min(end - at, len(data))
    if first >= last:
        return data
    return data[:first] + bytes(last - first) + data[last:]


def pieces(path):
    """(offset, bytes) of all that is not zero and counts, by rising offsets."""
    fd = os.open(path, os.O_RDONLY)
    try:
        log = log_of(os.pread(fd, SECTOR, 0))
        size, at, zeros = os.fstat(fd).st_size, 0, bytes(PIECE)
        while at < size:
            try:
                at = os.lseek(fd, at, os.SEEK_DATA) // PIECE * PIECE
            except OSError:             # only a hole is left
                return
            if log[0] <= at and at + PIECE <= log[1]:
                at += PIECE
                continue
            data = _without(os.pread(fd, PIECE, at), at, *log)
            if at == 0:
                for where, length in (CRC, LSN):
                    data = _without(data, at, where, where + length)
            if data != zeros[:len(data)]:
                yield at, data
            at += PIECE
    finally:
        os.close(fd)


@dataclass(frozen=True)
class Known:
    """What is known of a disk that another judge has looked at."""
    state: str


class KnownDisks:
    """What was said of the disks of a run, each with its bytes; the newest few of them.

    Judges of the same run share what they know in FOLDER, if they have one: a copy of each disk,
    whose name ends with its state.
    """

    limit = 8

    def __init__(self, folder=None):
        self.disks = []         # (pieces by offset, verdict)
        self.folder, self.learned = folder, set()

    def _learn(self):
        """Takes in what others have judged in the meantime."""
        if not self.folder:
            return
        for name in sorted(set(os.listdir(self.folder)) - self.learned):
            if name.endswith(SHARED):
                self.learned.add(name)
                self._keep(os.path.join(self.folder, name), Known(name.split(".")[-2]))

    def _share(self, path, state):
        name = "%d-%d.%s%s" % (os.getpid(), len(self.learned), state, SHARED)
        linux.sparse_copy(path, os.path.join(self.folder, name + ".new"))
        self.learned.add(name)
        os.rename(os.path.join(self.folder, name + ".new"), os.path.join(self.folder, name))

    def any(self):
        """Whether something is known."""
        self._learn()
        return bool(self.disks)

    @contextlib.contextmanager
    def turn(self):
        """One judge after another: equal disks often come to all of them at once."""
        if not self.folder:
            yield
            return
        with open(os.path.join(self.folder, "turn"), "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def find(self, path):
        """The verdict on an equal disk, or None."""
        self._learn()
        left, seen = list(self.disks), 0
        for at, data in pieces(path):
            left = [disk for disk in left if disk[0].get(at) == data]
            seen += 1
            if not left:
                return None
        return next((verdict for known, verdict in left if len(known) == seen), None)

    def add(self, path, verdict):
        if self.folder:
            self._share(path, verdict.state)
        self._keep(path, verdict)

    def _keep(self, path, verdict):
        before = self.disks[-1][0] if self.disks else {}
        kept = {}
        for at, data in pieces(path):   # what is the same is kept once
            kept[at] = before[at] if before.get(at) == data else data
        self.disks.append((kept, verdict))
        del self.disks[:-self.limit]
