"""An image and its other devices, if it has any: copied, mounted, hashed and judged together."""
import ctypes
import hashlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests", "oracle"), os.path.join(ROOT, "tests", "stages", "lib")]
from judging import linux, xfsprogs                             # noqa: E402
from judging.errors import CannotJudge                          # noqa: E402

PIECE = 1 << 20
EXACT_MODE = 3                  # fallocate: punch a hole, keep the size


class Disk:
    """The path of an image, and those of its log and its realtime device, which are None where
    there are none beside it."""

    def __init__(self, image, log=None, realtime=None):
        self.image, self.log, self.realtime = image, log, realtime

    def paths(self):
        return [path for path in (self.image, self.log, self.realtime) if path]

    def words(self):
        """What xfsx is told of the other devices."""
        return (["--log-dev", self.log] if self.log else []) + (
            ["--rt-dev", self.realtime] if self.realtime else [])

    def copy(self, name):
        """A sparse copy; NAME is the path of its image."""
        other = Disk(name, name + ".log" if self.log else None,
                     name + ".rt" if self.realtime else None)
        for source, target in zip(self.paths(), other.paths()):
            linux.sparse_copy(source, target)
        return other

    def remove(self):
        for path in self.paths():
            if os.path.exists(path):
                os.unlink(path)

    def digest(self):
        """Of every byte; a hole counts as the zeros that it reads as."""
        whole = hashlib.sha256()
        for path in self.paths():
            for at, data in pieces(path):
                whole.update(b"%d:" % at)
                whole.update(data)
            whole.update(b"end %d;" % os.path.getsize(path))
        return whole.hexdigest()


def pieces(path):
    """(offset, bytes) of what is not zero."""
    zeros = bytes(PIECE)
    fd = os.open(path, os.O_RDONLY)
    try:
        size, at = os.fstat(fd).st_size, 0
        while at < size:
            try:
                at = os.lseek(fd, at, os.SEEK_DATA) // PIECE * PIECE
            except OSError:         # only a hole is left
                return
            data = os.pread(fd, PIECE, at)
            if data != zeros[:len(data)]:
                yield at, data
            at += PIECE
    finally:
        os.close(fd)


class Mounted(linux.Mounted):
    """A Disk mounted by the running kernel, with its log."""

    def __init__(self, disk, options="nouuid", **how):
        super().__init__(disk.image, options=options, **how)
        self.disk, self.log_loop = disk, None

    def __enter__(self):
        if self.disk.log:
            self.log_loop = linux.Loop(self.disk.log)
            self.options += ",logdev=" + self.log_loop.path
        try:
            return super().__enter__()
        except BaseException:
            self._close_log()
            raise

    def __exit__(self, *error):
        try:
            return super().__exit__(*error)
        finally:
            self._close_log()

    def _close_log(self):
        if self.log_loop:
            self.log_loop.close()


class Recovered:
    """What Linux said when it mounted and unmounted a disk, and what LOOK saw meanwhile."""

    def __init__(self, disk, messages, look=None):
        messages.skip()
        self.seen = None
        with Mounted(disk) as m:
            self.error = m.error
            if m.mounted:
                self.seen = look(m.root) if look else None
                m.unmount()
            self.said = messages.about(m.loop.path)
        self.replayed = linux.recovered(self.said)
        self.bad = linux.complaints(self.said)

    def problem(self):
        """What Linux does not like, or None."""
        if self.error:
            return "mount failed: %s; %s" % (self.error, "; ".join(self.said)[-600:])
        return "kernel: " + "; ".join(self.bad)[:600] if self.bad else None


def punch(fd, at, length):
    if linux.LIBC.fallocate(fd, EXACT_MODE, ctypes.c_int64(at), ctypes.c_int64(length)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def newest(program):
    """The newest version of an xfsprogs program that is here."""
    found = xfsprogs.newer(program)
    return found if os.access(found, os.X_OK) else program


def log_is_clean(disk):
    """By xfs_logprint; None where it cannot tell."""
    if disk.realtime:       # it wants the device and has no option for it
        return None
    return xfsprogs.log_state(disk.image, newest("xfs_logprint"), disk.log)[0]


def need_linux():
    """Raises CannotJudge with the reason where the kernel cannot judge."""
    import machine
    linux.need_root()
    if not machine.has_loop():
        raise CannotJudge("no free loop device")
    if not machine.kernel_has_xfs():
        raise CannotJudge("the kernel has no XFS")
