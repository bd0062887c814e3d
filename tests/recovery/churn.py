"""Random changes of a mounted filesystem, by several threads, of every kind that is logged."""
import contextlib
import ctypes
import errno
import fcntl
import os
import random
import struct
import threading
import time

from disks import linux

EXCHANGE_RANGE = 0x40285881     # XFS_IOC_EXCHANGE_RANGE
TO_EOF = 1
RENAME_EXCHANGE = 2
AT_FDCWD = -100
KEEP_SIZE, PUNCH, COLLAPSE, ZERO, INSERT = 1, 2, 8, 16, 32
FREEZE, THAW = 0xC0045877, 0xC0045878
GOING_DOWN = {"log flushed": 1, "log not flushed": 2}
OPENED = 12             # files of a thread that stay open, with a name or without
LARGEST = 40 << 20      # bytes of a file, holes included
STOPPED = (errno.EIO, errno.EUCLEAN, errno.ESHUTDOWN)
# What a full filesystem, one without a feature, or another thread's work may answer.
HARMLESS = (errno.ENOSPC, errno.EMLINK, errno.ENOTEMPTY, errno.EEXIST, errno.ENAMETOOLONG,
            errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENOENT, errno.EOPNOTSUPP,
            errno.ENOTTY, errno.ENODATA, errno.EBUSY, errno.EFBIG, errno.EPERM, errno.EXDEV)


class Stopped(Exception):
    """The filesystem has been shut down."""


def call(done):
    if done:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def allocate(fd, mode, at, length):
    call(linux.LIBC.fallocate(fd, mode, ctypes.c_int64(at), ctypes.c_int64(length)))


def exchange(one, two, at_one, at_two, length, flags):
    fcntl.ioctl(two, EXCHANGE_RANGE, struct.pack("<iI4Q", one, 0, at_one, at_two, length, flags))


@contextlib.contextmanager
def opened(path, flags=os.O_RDWR):
    fd = os.open(path, flags, 0o644)
    try:
        yield fd
    finally:
        os.close(fd)


class Worker(threading.Thread):
    """One thread. It makes files in directories of its own and meddles with those of others."""

    def __init__(self, crowd, number, seed, operations):
        super().__init__()
        self.crowd, self.dice, self.operations = crowd, random.Random(seed), operations
        self.home = os.path.join(crowd.root, b"t%d" % number)
        self.block = crowd.block
        self.directories, self.files, self.links = [self.home], [], []
        self.held, self.count, self.error, self.stopped = [], 0, None, False

    # names and bytes

    def new_name(self, directory=None):
        self.count += 1
        stem = b"%d" % self.count
        stem += self.dice.choice((b"", b"-x", b"-" + b"long" * self.dice.randrange(1, 55)))
        return os.path.join(directory or self.dice.choice(self.directories), stem)

    def some_file(self):
        return self.dice.choice(self.files)

    def others_file(self):
        return self.dice.choice(self.dice.choice(self.crowd.workers).files or self.files)

    def data(self, size):
        piece = self.dice.randbytes(min(size, 613))
        return (piece * (size // max(1, len(piece)) + 1))[:size]

    def blocks(self, most):
        return self.dice.randrange(1, most) * self.block

    # files

    def make_file(self):
        name = self.new_name()
        with opened(name, os.O_RDWR | os.O_CREAT | os.O_EXCL) as fd:
            for _ in range(self.dice.choice((0, 1, 1, 3, 8))):
                self.write(fd, self.dice.choice((self.block, 100_000, 2_000_000, LARGEST // 2)))
        self.files.append(name)

    def make_fragmented(self):
        name = self.new_name()
        with opened(name, os.O_RDWR | os.O_CREAT | os.O_EXCL) as fd:
            for at in range(0, self.dice.choice((20, 60, 300)) * 2, 2):
                allocate(fd, 0, at * self.block, self.block)
            os.pwrite(fd, self.data(10 * self.block), 0)
        self.files.append(name)

    def write(self, fd, most):
        size = self.dice.choice((1, 100, self.block, 3 * self.block, 40000))
        os.pwrite(fd, self.data(size), self.dice.randrange(most))

    def overwrite(self):
        with opened(self.some_file()) as fd:
            self.write(fd, min(LARGEST, os.fstat(fd).st_size + 100_000))

    def append(self):
        with opened(self.some_file(), os.O_WRONLY | os.O_APPEND) as fd:
            os.write(fd, self.data(self.dice.choice((1, 700, 9000, 70000))))

    def resize(self):
        with opened(self.some_file()) as fd:
            size = os.fstat(fd).st_size
            os.ftruncate(fd, self.dice.choice((0, self.dice.randrange(min(LARGEST, 2 * size + 2)))))

    def preallocate(self):
        with opened(self.some_file()) as fd:
            mode = self.dice.choice((0, KEEP_SIZE, PUNCH | KEEP_SIZE, PUNCH | KEEP_SIZE, ZERO,
                                     COLLAPSE, INSERT))
            at = self.dice.randrange(os.fstat(fd).st_size // self.block + 20) * self.block
            length = self.blocks(30)
            if mode in (ZERO, PUNCH | KEEP_SIZE):
                at, length = at + self.dice.randrange(200), length - self.dice.randrange(200)
            allocate(fd, mode, at, length)

    def clone(self):
        name = self.new_name()
        with opened(self.others_file(), os.O_RDONLY) as source, \
                opened(name, os.O_RDWR | os.O_CREAT) as target:
            self.files.append(name)
            fcntl.ioctl(target, linux.FICLONE, source)

    def clone_range(self):
        with opened(self.others_file(), os.O_RDONLY) as source, opened(self.some_file()) as target:
            blocks = os.fstat(source).st_size // self.block
            first = self.dice.randrange(max(1, blocks))
            length = self.dice.randrange(1, max(2, blocks - first + 1)) * self.block
            at = self.dice.randrange(200) * self.block
            fcntl.ioctl(target, linux.FICLONERANGE,
                        struct.pack("qQQQ", source, first * self.block, length, at))

    def exchange(self):
        with opened(self.some_file()) as one, opened(self.others_file()) as two:
            if self.dice.random() < 0.5:
                exchange(one, two, 0, 0, 0, TO_EOF)
                return
            blocks = min(os.fstat(fd).st_size for fd in (one, two)) // self.block
            first, second = (self.dice.randrange(max(1, blocks)) for _ in range(2))
            length = self.dice.randrange(1, max(2, blocks - max(first, second) + 1))
            exchange(one, two, first * self.block, second * self.block, length * self.block, 0)

    def unlinked(self):
        """A file that is open and has no name, or has none yet."""
        if len(self.held) >= OPENED:
            os.close(self.held.pop(self.dice.randrange(len(self.held))))
        kind = self.dice.randrange(4)
        if kind == 0:
            fd = os.open(self.dice.choice(self.directories), os.O_RDWR | os.O_TMPFILE, 0o600)
        elif kind == 1:
            fd = os.open(self.new_name(), os.O_RDWR | os.O_CREAT, 0o600)
        elif kind == 2 and len(self.directories) > 3:
            name = self.directories[-1]
            fd = os.open(name, os.O_RDONLY)
            self.held.append(fd)
            os.rmdir(name)
            self.directories.remove(name)
            return
        else:
            name = self.some_file()
            fd = os.open(name, os.O_RDWR)
            self.held.append(fd)
            self.forget(name)
            os.unlink(name)
            return
        self.held.append(fd)
        for _ in range(self.dice.randrange(4)):
            self.write(fd, 300_000)
        if self.dice.random() < 0.3:
            os.setxattr(fd, b"user.of-nobody", self.data(self.dice.choice((5, 3000))))
        if kind == 0 and self.dice.random() < 0.3:
            name = self.new_name()
            os.link("/proc/self/fd/%d" % fd, name, src_dir_fd=fd, follow_symlinks=True)
            self.files.append(name)

    # names

    def forget(self, name):
        if name in self.files:
            self.files.remove(name)

    def make_directory(self):
        name = self.new_name()
        os.mkdir(name)
        self.directories.append(name)

    def remove_directory(self):
        name = self.new_name()
        os.mkdir(name)
        os.rmdir(name)

    def make_symlink(self):
        name = self.new_name()
        os.symlink((b"target/" * 150)[:self.dice.choice((1, 30, 200, 400, 1000))], name)
        self.links.append(name)

    def remove_symlink(self):
        if self.links:
            os.unlink(self.links.pop(self.dice.randrange(len(self.links))))

    def make_node(self):
        os.mknod(self.new_name(), self.dice.choice((0o20600, 0o60600, 0o10600, 0o140600)),
                 os.makedev(7, 300))

    def link(self):
        name = self.new_name()
        os.link(self.others_file(), name)
        self.files.append(name)

    def rename(self):
        name, new = self.some_file(), self.new_name()
        if self.dice.random() < 0.2:
            new = self.some_file()      # which is unlinked then
        os.rename(name, new)
        self.forget(name)
        if new not in self.files:
            self.files.append(new)

    def rename_exchange(self):
        call(linux.LIBC.renameat2(AT_FDCWD, self.some_file(), AT_FDCWD, self.others_file(),
                                  RENAME_EXCHANGE))

    def move_directory(self):
        if len(self.directories) > 4:
            name = self.dice.choice(self.directories[2:])
            new = self.new_name(self.home)
            os.rename(name, new)
            self.directories = [new + d[len(name):] if d == name or d.startswith(name + b"/")
                                else d for d in self.directories]
            for names in (self.files, self.links):
                names[:] = [new + f[len(name):] if f.startswith(name + b"/") else f for f in names]

    def remove(self):
        name = self.some_file()
        os.unlink(name)
        self.forget(name)

    def crowd_directory(self):
        """Many names in one directory, some of which go again: leaves, nodes, free indexes."""
        name, target = self.new_name(), self.some_file()
        os.mkdir(name)
        self.directories.append(name)
        width = self.dice.choice((0, 20, 200))
        count = self.dice.choice((10, 60, 300, 700)) // (1 if width < 200 else 4)
        names = [os.path.join(name, (b"%d" % i).ljust(width, b"n")) for i in range(count)]
        for path in names:
            os.link(target, path)
        for path in names[self.dice.randrange(count)::self.dice.choice((1, 2, 3, count))]:
            os.unlink(path)

    def crowd_inodes(self):
        """Chunks of inodes come, and some go whole."""
        name = self.new_name()
        os.mkdir(name)
        names = [os.path.join(name, b"%d" % i) for i in range(self.dice.choice((40, 100, 250)))]
        for path in names:
            with opened(path, os.O_WRONLY | os.O_CREAT):
                pass
        first = self.dice.choice((0, 0, 10, 70))
        for path in names[first::self.dice.choice((1, 1, 5))]:
            os.unlink(path)

    # attributes and the rest

    def some_name(self):
        return self.dice.choice(self.files + self.links[-3:] + self.directories[-5:])

    def set_attribute(self):
        key = b"trusted." + b"k" * self.dice.randrange(1, 60)
        size = self.dice.choice((0, 10, 10, 200, 2000, 20000))
        os.setxattr(self.some_name(), key, self.data(size), follow_symlinks=False)

    def many_attributes(self):
        name = self.some_name()
        for i in range(self.dice.choice((5, 40, 120))):
            os.setxattr(name, b"trusted.many-%d" % i, self.data(self.dice.choice((3, 60, 250))),
                        follow_symlinks=False)

    def remove_attributes(self):
        name = self.some_name()
        for key in os.listxattr(name, follow_symlinks=False):
            if key.startswith("trusted.") and self.dice.random() < 0.6:
                os.removexattr(name, key, follow_symlinks=False)

    def change_inode(self):
        name = self.some_name()
        kind = self.dice.randrange(3)
        if kind == 0:
            os.chown(name, self.dice.randrange(70000), self.dice.randrange(70000),
                     follow_symlinks=False)
        elif kind == 1 and not os.path.islink(name):
            os.chmod(name, self.dice.choice((0o755, 0o644, 0o4755, 0o1777)))
        else:
            os.utime(name, ns=(10**9, self.dice.randrange(10**18)), follow_symlinks=False)

    def sync(self):
        kind = self.dice.randrange(4)
        if kind == 0:
            with opened(self.home, os.O_RDONLY) as fd:
                linux.LIBC.syncfs(fd)
        else:
            with opened(self.some_file() if kind > 1 else self.home, os.O_RDONLY) as fd:
                os.fsync(fd)

    OPERATIONS = (
        (make_file, 20), (overwrite, 14), (append, 10), (resize, 7), (preallocate, 14), (clone, 6),
        (clone_range, 6), (exchange, 7), (unlinked, 9), (make_directory, 6), (remove_directory, 2),
        (make_symlink, 5), (remove_symlink, 2), (make_node, 2), (link, 4), (rename, 8),
        (rename_exchange, 3), (move_directory, 2), (remove, 10), (crowd_directory, 2),
        (crowd_inodes, 2), (set_attribute, 10), (many_attributes, 2), (remove_attributes, 5),
        (change_inode, 6), (make_fragmented, 4), (sync, 4))

    def one(self, operation):
        try:
            operation(self)
        except OSError as error:
            if error.errno in STOPPED:
                raise Stopped from None
            if error.errno not in HARMLESS:
                raise

    def run(self):
        kinds, weights = zip(*self.OPERATIONS)
        try:
            os.mkdir(self.home)
            for _ in range(4):
                self.one(Worker.make_file)
            while self.operations is None or self.count_down():
                if not self.files:
                    self.one(Worker.make_file)
                else:
                    self.one(self.dice.choices(kinds, weights)[0])
                if self.crowd.full():
                    self.one(Worker.remove)
        except Stopped:
            self.stopped = True
        except OSError as error:
            self.stopped = error.errno in STOPPED
            self.error = None if self.stopped else error
        except Exception as error:      # noqa: BLE001; told by the main thread
            self.error = error

    def count_down(self):
        self.operations -= 1
        return self.operations >= 0

    def close(self):
        for fd in self.held:
            os.close(fd)


class Crowd:
    """The threads of a filesystem."""

    def __init__(self, root, dice, threads, operations):
        self.root = os.fsencode(root)
        self.block = os.statvfs(root).f_frsize
        self.workers = [Worker(self, i, dice.randrange(1 << 30), operations)
                        for i in range(threads)]

    def full(self):
        """Whether files had better go; a statvfs takes no locks worth mentioning."""
        now = os.statvfs(self.root)
        return now.f_bavail < now.f_blocks // 6

    def start(self):
        for worker in self.workers:
            worker.start()

    def go_on(self):
        """Endlessly, until the filesystem is stopped."""
        for worker in self.workers:
            worker.operations = None

    def join(self):
        for worker in self.workers:
            worker.join()
            if worker.error:
                raise worker.error

    def close(self):
        for worker in self.workers:
            worker.close()


def shut_down(root, how):
    fd = os.open(root, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, linux.SHUTDOWN_IOCTL, struct.pack("<I", GOING_DOWN[how]))
    finally:
        os.close(fd)


def freeze_and_thaw(root):
    """Everything that is logged goes home."""
    with opened(root, os.O_RDONLY) as fd:
        fcntl.ioctl(fd, FREEZE, 0)
        fcntl.ioctl(fd, THAW, 0)


def fill_log(mounted, rounds, dice):
    """So many rounds of the log, quickly, so that its head comes to lie past its end."""
    root = os.fsencode(mounted.root)
    folder = os.path.join(root, b"rounds")
    os.mkdir(folder)
    names = [os.path.join(folder, b"%d" % i) for i in range(48)]
    for name in names:
        with opened(name, os.O_WRONLY | os.O_CREAT):
            pass
    size = int(os.statvfs(root).f_frsize * 0.6)
    deadline = time.monotonic() + 20
    while mounted.log_head()[0] <= rounds and time.monotonic() < deadline:
        value = dice.randbytes(size)
        for name in names:
            os.setxattr(name, b"user.round", value)
        with opened(folder, os.O_RDONLY) as fd:
            linux.LIBC.syncfs(fd)
    for name in names[::2]:
        os.unlink(name)


def log_in_use(mounted, log_bytes):
    """The share of the log between its tail and its head."""
    name = "/sys/fs/xfs/%s/log/log_tail_lsn" % os.path.basename(mounted.loop.path)
    with open(name, encoding="ascii") as file:
        cycle, block = map(int, file.read().split(":"))
    head_cycle, head = mounted.log_head()
    return (head - block + (head_cycle - cycle) * (log_bytes // 512)) * 512 / log_bytes


def fill_to_the_brim(mounted, log_bytes, dice):
    """Ever new blocks are logged, faster than they go home, until little of the log is free."""
    folder = os.path.join(os.fsencode(mounted.root), b"brim")
    os.mkdir(folder)
    value = dice.randbytes(int(os.statvfs(folder).f_frsize * 0.6))
    most = dice.uniform(0.6, 0.75)      # from there on the log's tail is pushed
    deadline = time.monotonic() + 20
    number = 0
    while time.monotonic() < deadline:
        for number in range(number, number + 60):
            with opened(os.path.join(folder, b"%d" % number), os.O_RDWR | os.O_CREAT) as fd:
                os.setxattr(fd, b"user.brim", value)
        number += 1
        with opened(folder, os.O_RDONLY) as fd:
            os.fsync(fd)
        if log_in_use(mounted, log_bytes) > most:
            return
