"""Records every write and flush that the kernel sends to the devices of a filesystem.

The devices are loop devices on files of a FUSE filesystem that a process of ours serves. The files
are opened for direct I/O, so nothing is cached between the loop driver and the journal; a write
with forced unit access arrives as a write and a flush.
"""
import contextlib
import ctypes
import errno
import os
import signal
import stat
import struct
import tempfile
import time

from disks import Disk, linux
from judging.errors import CannotJudge

MAX_WRITE = 1 << 20
RECORD = struct.Struct("<cBQQ")         # kind, file, offset, length; of a write the bytes follow
WRITE, ZERO, FLUSH = b"W", b"Z", b"F"
ROOT_NODE, FIRST_FILE = 1, 2
DIRECT_IO = 1
NO_REPLY = (2, 36, 42)                  # forget, interrupt, batch of forget
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
PUNCH_OR_ZERO, PUNCH_KEEPING_SIZE = 0x12, 3


class Server:
    """Answers the kernel: a directory with the files of PATHS, called 0, 1 and so on."""

    def __init__(self, fd, paths, journal):
        self.fd = fd
        self.files = [os.open(path, os.O_RDWR) for path in paths]
        self.journal = open(journal, "wb", buffering=4 << 20)
        self.answers = {1: self.lookup, 3: self.attributes, 4: self.attributes, 14: self.open,
                        15: self.read, 16: self.write, 17: self.status, 18: self.nothing,
                        20: self.flush, 25: self.nothing, 26: self.start, 27: self.open,
                        29: self.nothing, 30: self.nothing, 34: self.nothing, 43: self.allocate}

    def put(self, kind, node=FIRST_FILE, offset=0, length=0, data=b""):
        self.journal.write(RECORD.pack(kind, node - FIRST_FILE, offset, length))
        self.journal.write(data)

    def described(self, node):
        is_file = node != ROOT_NODE
        size = os.fstat(self.files[node - FIRST_FILE]).st_size if is_file else 0
        mode = stat.S_IFREG | 0o600 if is_file else stat.S_IFDIR | 0o700
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode,
                           1 if is_file else 2, 0, 0, 0, 4096, 0)

    def start(self, node, body):
        minor = struct.unpack_from("<II", body)[1]
        return struct.pack("<IIIIHHIIHHI", 7, min(minor, 38), 0, BIG_WRITES | MAX_PAGES, 64, 48,
                           MAX_WRITE, 1, MAX_WRITE // 4096, 0, 0) + bytes(28)

    def lookup(self, node, body):
        name = bytes(body).split(b"\0")[0]
        if node != ROOT_NODE or not name.isdigit() or int(name) >= len(self.files):
            return errno.ENOENT
        child = FIRST_FILE + int(name)
        return struct.pack("<QQQQII", child, 0, 3600, 0, 0, 0) + self.described(child)

    def attributes(self, node, body):
        return struct.pack("<QII", 0, 0, 0) + self.described(node)

    def open(self, node, body):
        return struct.pack("<QIi", node, DIRECT_IO, 0)

    def nothing(self, node, body):
        return b""

    def status(self, node, body):
        return struct.pack("<5Q4I", 1 << 30, 1 << 29, 1 << 29, 9, 9, 4096, 255, 4096, 0) + bytes(24)

    def read(self, node, body):
        offset, size = struct.unpack_from("<QI", body, 8)
        return os.pread(self.files[node - FIRST_FILE], size, offset)

    def write(self, node, body):
        offset, size = struct.unpack_from("<QI", body, 8)
        data = body[40:40 + size]
        self.put(WRITE, node, offset, size, data)
        os.pwrite(self.files[node - FIRST_FILE], data, offset)
        return struct.pack("<II", size, 0)

    def flush(self, node, body):
        self.put(FLUSH, node)
        return b""

    def allocate(self, node, body):
        offset, length, mode = struct.unpack_from("<QQI", body, 8)
        if not mode & PUNCH_OR_ZERO:
            return errno.EOPNOTSUPP
        file = self.files[node - FIRST_FILE]
        length = min(length, os.fstat(file).st_size - offset)
        self.put(ZERO, node, offset, length)
        if linux.LIBC.fallocate(file, PUNCH_KEEPING_SIZE, ctypes.c_int64(offset),
                                ctypes.c_int64(length)):
            return ctypes.get_errno()
        return b""

    def answer(self, operation, node, body):
        handler = self.answers.get(operation)
        try:
            return handler(node, body) if handler else errno.ENOSYS
        except OSError as error:
            return error.errno

    def serve(self):
        buffer = bytearray(MAX_WRITE + 65536)
        view = memoryview(buffer)
        while True:
            try:
                size = os.readv(self.fd, [buffer])
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                if error.errno == errno.ENODEV:     # unmounted
                    break
                raise
            _, operation, unique, node = struct.unpack_from("<IIQQ", buffer)
            if operation in NO_REPLY:
                continue
            found = self.answer(operation, node, view[40:size])
            code, body = (-found, b"") if isinstance(found, int) else (0, found)
            try:
                os.writev(self.fd, [struct.pack("<IiQ", 16 + len(body), code, unique), body])
            except OSError as error:
                if error.errno != errno.ENOENT:     # the request was interrupted meanwhile
                    raise
        self.journal.close()


def _serve(fd, paths, journal):
    """The process that serves; its id."""
    process = os.fork()
    if process:
        os.close(fd)
        return process
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Server(fd, paths, journal).serve()
        status = 0
    finally:
        os._exit(status)


def _unmount(folder):
    for _ in range(200):
        if linux.LIBC.umount2(os.fsencode(folder), 0) == 0:
            return
        time.sleep(0.05)
    raise CannotJudge("umount %s: %s" % (folder, os.strerror(ctypes.get_errno())))


@contextlib.contextmanager
def recording(disk, journal):
    """A Disk whose writes change DISK and are written down in JOURNAL."""
    os.makedirs(linux.mount_directory(), exist_ok=True)
    folder = tempfile.mkdtemp(prefix="record.", dir=linux.mount_directory())
    fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = "fd=%d,rootmode=40000,user_id=0,group_id=0" % fd
    if linux.LIBC.mount(b"xfsx-recorder", os.fsencode(folder), b"fuse", ctypes.c_ulong(6),
                        options.encode()):
        code = ctypes.get_errno()
        os.close(fd)
        os.rmdir(folder)
        raise CannotJudge("FUSE: " + os.strerror(code))
    process = _serve(fd, disk.paths(), journal)
    try:
        yield Disk(*[os.path.join(folder, str(i)) for i in range(len(disk.paths()))])
    finally:
        _unmount(folder)
        status = os.waitpid(process, 0)[1]
        os.rmdir(folder)
    if status:
        raise CannotJudge("the recorder ended with status %d" % status)


def read_journal(path):
    """[(kind, file, offset, length, place of the bytes in the journal)]"""
    found = []
    with open(path, "rb") as file:
        while head := file.read(RECORD.size):
            kind, number, offset, length = RECORD.unpack(head)
            found.append((kind, number, offset, length, file.tell()))
            if kind == WRITE:
                file.seek(length, os.SEEK_CUR)
    return found
