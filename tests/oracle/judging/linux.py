"""Loop devices, mounts, kernel messages and sparse copies, by system calls.

System calls, and not losetup and mount, because a crash campaign judges thousands of
images and each process started costs more than the mount itself.
"""
import ctypes
import errno
import fcntl
import os
import re
import struct
import tempfile
import time

from .errors import CannotJudge

LIBC = ctypes.CDLL(None, use_errno=True)

LOOP_CTL_GET_FREE = 0x4C82
LOOP_CONFIGURE = 0x4C0A
LOOP_READ_ONLY = 1
LOOP_AUTOCLEAR = 4
MS_RDONLY = 1
MS_NOATIME = 1024
SHUTDOWN_IOCTL = 0x8004587D     # XFS_IOC_GOINGDOWN
SHUTDOWN_FLUSH_LOG = 1
FICLONE = 0x40049409
FICLONERANGE = 0x4020940D
FS_GETXATTR = 0x801C581F
FS_SETXATTR = 0x401C5820
FIEMAP = 0xC020660B

# Kernel messages that must not appear while an image is mounted ...
BAD_MESSAGE = re.compile(
    r"orrupt|hutting down|hutdown|Assertion failed|Internal error|bad magic|rectify the problem|"
    r"Unmount and run|verifier|nvalid|BUG|WARNING|failed|unrecoverable|torn write|rror")
# ... and what looks like them but is harmless: a torn end of the log is dropped by design.
HARMLESS_MESSAGE = re.compile(r"EXPERIMENTAL|Torn write \(CRC failure\) detected at log block")


def shut_down(fd):
    """Stops the filesystem at once; what was logged so far is on the disk."""
    fcntl.ioctl(fd, SHUTDOWN_IOCTL, struct.pack("<I", SHUTDOWN_FLUSH_LOG))


def mount_directory():
    return os.environ.get("XFSX_ORACLE_MNT", "/mnt/xfsx-oracle")


def scratch_directory():
    """Memory where there is some: the copies are small, sparse and short-lived."""
    for name in (os.environ.get("XFSX_ORACLE_TMP"), os.environ.get("TMPDIR"), "/dev/shm", "/tmp"):
        if name and os.path.isdir(name) and os.access(name, os.W_OK):
            return name
    raise CannotJudge("no scratch directory; set XFSX_ORACLE_TMP")


def need_root():
    if os.geteuid() != 0:
        raise CannotJudge("must be run as root (loop devices and mounts)")


def sparse_copy(source, target):
    """Copies the pieces of SOURCE that are not all zero; TARGET gets holes elsewhere.

    A piece may span small holes: fragmented files make thousands of those, and asking for
    each costs more than copying it.
    """
    piece = 1 << 16
    zeros = bytes(piece)
    with open(source, "rb") as src, open(target, "wb") as dst:
        size = os.fstat(src.fileno()).st_size
        dst.truncate(size)
        at = 0
        while at < size:
            try:
                at = os.lseek(src.fileno(), at, os.SEEK_DATA)
            except OSError as e:
                if e.errno == errno.ENXIO:
                    return
                raise
            data = os.pread(src.fileno(), piece, at)
            if not data:
                raise CannotJudge(f"{source}: shrank while it was copied")
            if data != zeros[:len(data)]:
                os.pwrite(dst.fileno(), data, at)
            at += len(data)


class Loop:
    """A loop device on IMAGE; the kernel detaches it when the last user is gone."""

    def __init__(self, image, read_only=False):
        self.fd = -1
        backing = os.open(image, os.O_RDONLY if read_only else os.O_RDWR)
        flags = LOOP_AUTOCLEAR | (LOOP_READ_ONLY if read_only else 0)
        try:
            for _ in range(100):
                self.path = self._free()
                fd = os.open(self.path, os.O_RDONLY if read_only else os.O_RDWR)
                info = struct.pack("<5Q4I64s112x", 0, 0, 0, 0, 0, 0, 0, 0, flags,
                                   os.fsencode(image)[-63:])
                config = struct.pack("<2I", backing, 0) + info + bytes(64)
                try:
                    fcntl.ioctl(fd, LOOP_CONFIGURE, config)
                except OSError as e:
                    os.close(fd)
                    if e.errno != errno.EBUSY:      # somebody else took the free device first
                        raise CannotJudge(f"loop device for {image}: {e.strerror}") from None
                    time.sleep(0.01)
                    continue
                self.fd = fd
                return
        finally:
            os.close(backing)
        raise CannotJudge("no free loop device")

    @staticmethod
    def _free():
        try:
            control = os.open("/dev/loop-control", os.O_RDWR)
        except OSError as e:
            raise CannotJudge(f"/dev/loop-control: {e.strerror}") from None
        try:
            return f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
        finally:
            os.close(control)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def blocks_in_use(root):
    """Blocks that the files of the filesystem mounted at ROOT occupy."""
    seen, used = set(), 0
    for folder, _, names in os.walk(os.fsencode(root)):
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            found = os.lstat(path)
            if found.st_ino not in seen:
                seen.add(found.st_ino)
                used += found.st_blocks
    return used * 512 // os.statvfs(root).f_bsize


class Mounted:
    """IMAGE mounted by the running kernel; `error` says why where it was not."""

    def __init__(self, image, read_only=False, options="nouuid"):
        self.image, self.read_only, self.options = image, read_only, options
        self.root = self.loop = self.error = None
        self.mounted = False

    def __enter__(self):
        self.loop = Loop(self.image, self.read_only)
        os.makedirs(mount_directory(), exist_ok=True)
        self.root = tempfile.mkdtemp(prefix="at.", dir=mount_directory())
        flags = MS_NOATIME | (MS_RDONLY if self.read_only else 0)
        done = LIBC.mount(self.loop.path.encode(), self.root.encode(), b"xfs",
                          ctypes.c_ulong(flags), self.options.encode())
        self.mounted = done == 0
        if not self.mounted:
            self.error = os.strerror(ctypes.get_errno())
        return self

    def unmount(self):
        for _ in range(100):
            if LIBC.umount2(self.root.encode(), 0) == 0:
                self.mounted = False
                return
            time.sleep(0.05)
        raise CannotJudge(f"umount {self.root}: {os.strerror(ctypes.get_errno())}")

    def __exit__(self, *_):
        if self.mounted:
            self.unmount()
        os.rmdir(self.root)
        self.loop.close()

    def log_head(self):
        """(cycle, basic block) of the log's head, as the mounted kernel says it."""
        name = f"/sys/fs/xfs/{os.path.basename(self.loop.path)}/log/log_head_lsn"
        with open(name, encoding="ascii") as f:
            cycle, block = f.read().split(":")
        return int(cycle), int(block)


class KernelMessages:
    """What the kernel says from now on."""

    def __init__(self):
        try:
            self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        except OSError as e:
            raise CannotJudge(f"cannot read /dev/kmsg: {e.strerror}") from None
        self.skip()

    def skip(self):
        os.lseek(self.fd, 0, os.SEEK_END)

    def about(self, device):
        """New messages about DEVICE, and warnings from XFS code about none."""
        tag, found = f"({os.path.basename(device)})", []
        while True:
            try:
                record = os.read(self.fd, 16384).decode(errors="replace")
            except BlockingIOError:
                return found
            except OSError as e:
                if e.errno == errno.EPIPE:      # overwritten before we read them
                    raise CannotJudge("kernel messages were lost") from None
                raise
            line = record.partition(";")[2].split("\n")[0]
            if tag in line or line.startswith("XFS:") or re.search(
                    r"(WARNING|BUG).*(fs/xfs|xfs_)", line):
                found.append(line)

    def close(self):
        os.close(self.fd)


def complaints(messages):
    return [m for m in messages if BAD_MESSAGE.search(m) and not HARMLESS_MESSAGE.search(m)]


def recovered(messages):
    return any("Starting recovery" in m for m in messages)
