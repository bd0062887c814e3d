#!/usr/bin/env python3
"""Makes images whose logs need recovery: a seed decides features, changes and how they end.

dirty.py SEED... --out DIRECTORY

The running kernel changes a filesystem in several threads and is cut off: the filesystem is shut
down, with or without the log being forced out first, in the middle of the work or after it, with
files open that have no name. What is in the log then is partly chance: the same seed makes the
same features and asks for the same calls, but threads and the log take turns as they like.
Needs root, loop devices and a kernel with XFS.
"""
import argparse
import contextlib
import fcntl
import os
import random
import struct
import sys
import threading
import time

import churn
import disks
import features
from disks import Disk, Mounted, linux, xfsprogs
from judging.errors import CannotJudge

SIZES = (160, 200, 300)         # MiB
OPERATIONS = (60, 150, 300, 600)
# How it ends: after the work, in the middle of it, or in the middle of something with many steps.
ENDINGS = (("idle", 2), ("at work", 4), ("in long steps", 5), ("frozen", 1), ("log full", 1))
SMALL_LOG = 16          # MiB; a larger one is not filled
LONGEST = 0.05                  # seconds


def make(row, dice, image):
    """mkfs; the Disk."""
    disk = Disk(image, image + ".log" if row["where"] == "external" else None)
    program = os.path.join(xfsprogs.directory(), "mkfs.xfs-" + row["mkfs"])
    if not os.access(program, os.X_OK):
        program = "mkfs.xfs"
    size, said = dice.choice(SIZES), None
    # What is too small a log depends on the other features.
    for log in [row["log"]] + [more for more in (16, 24, 32, 64, 80) if more > row["log"]]:
        if not disk.log:            # it lies in one AG
            size = max(size, row["groups"] * (log + 24))
        for path, mib in zip(disk.paths(), (size, log)):
            with open(path, "wb") as f:
                f.truncate(mib << 20)
        command = [program, "--unsupported", "-q",
                   *features.mkfs_words(row, log, disk.log), disk.image]
        said = xfsprogs.run(command, check=False)
        if said.returncode == 0:
            return disk
    raise CannotJudge("%s: %s" % (" ".join(command), said.stdout))


def long_steps(root, crowd, dice, how):
    """Files of many mappings are shared, exchanged, cut and moved about when it happens."""
    for worker in crowd.workers:
        fragmented(worker, dice)
    fd = os.open(root, os.O_RDONLY)
    linux.LIBC.syncfs(fd)
    threads = [threading.Thread(target=in_steps, args=(worker,)) for worker in crowd.workers]
    for thread in threads:
        thread.start()
    for _ in range(dice.randrange(3)):      # what is open then is in the log, whatever comes next
        time.sleep(dice.uniform(0, LONGEST))
        linux.LIBC.syncfs(fd)
    time.sleep(dice.uniform(0, LONGEST))
    os.close(fd)
    churn.shut_down(root, how)
    for thread in threads:
        thread.join()


def fragmented(worker, dice):
    """Three files for the thread's long steps; a third of the blocks have holes between them."""
    worker.long = []
    for number in range(3):
        name = os.path.join(worker.home, b"long-%d" % number)
        with churn.opened(name, os.O_RDWR | os.O_CREAT) as fd:
            try:
                for at in range(0, dice.choice((80, 300, 700)), dice.choice((2, 3))):
                    churn.allocate(fd, 0, at * worker.block, worker.block)
                    if at % 5 == 0:
                        os.pwrite(fd, worker.data(worker.block), at * worker.block)
            except OSError as error:
                if error.errno not in churn.HARMLESS:
                    raise
        worker.long.append(name)


def in_steps(worker):
    """Endless; a step of many parts after another, by chance."""
    dice = worker.dice

    def exchange(one, two):
        churn.exchange(one, two, 0, 0, 0, churn.TO_EOF)

    def share(one, two):
        fcntl.ioctl(two, linux.FICLONERANGE, struct.pack(
            "qQQQ", one, 0, os.fstat(one).st_size // worker.block * worker.block, 0))

    def cut(one, two):
        size = os.fstat(one).st_size
        os.ftruncate(one, size // dice.choice((1, 2, 50)))
        os.ftruncate(one, size)
        share(two, one)

    def shift(one, two):
        mode = dice.choice((churn.INSERT, churn.COLLAPSE))
        churn.allocate(one, mode, dice.randrange(20) * worker.block, 3 * worker.block)

    def rewrite(one, two):
        for at in range(0, 60, 2):
            os.pwrite(two, worker.data(worker.block), at * worker.block)
        os.fsync(two)

    def rename(one, two):
        worker.rename_exchange()

    kinds = (exchange, exchange, share, cut, shift, rewrite, rename)
    try:
        while True:
            one, two = dice.sample(worker.long, 2)
            with churn.opened(one) as first, churn.opened(two) as second:
                try:
                    dice.choice(kinds)(first, second)
                except OSError as error:
                    if error.errno not in churn.HARMLESS:
                        raise
    except OSError as error:
        if error.errno not in churn.STOPPED:
            worker.error = error


def log_bytes(disk):
    """The size of the log."""
    with open(disk.image, "rb") as file:
        superblock = file.read(512)
    return int.from_bytes(superblock[96:100], "big") * int.from_bytes(superblock[4:8], "big")


def end(mounted, crowd, dice, ending, how):
    """Stops the filesystem; nothing reaches the disk after."""
    root = mounted.root
    if ending == "at work":
        crowd.go_on()
        time.sleep(dice.uniform(0.01, 0.6))
        churn.shut_down(root, how)
        crowd.join()
        return
    crowd.join()
    if dice.random() < 0.3:
        churn.freeze_and_thaw(root)
    if ending == "in long steps":
        long_steps(root, crowd, dice, how)
    elif ending == "log full":
        with contextlib.suppress(OSError):      # or the filesystem is
            churn.fill_to_the_brim(mounted, log_bytes(mounted.disk), dice)
        churn.shut_down(root, "log flushed")
    elif ending == "frozen":        # everything is at home, but for what open files still need
        fd = os.open(root, os.O_RDONLY)
        fcntl.ioctl(fd, churn.FREEZE, 0)
        churn.shut_down(root, "log not flushed")
        fcntl.ioctl(fd, churn.THAW, 0)
        os.close(fd)
    else:
        if dice.random() < 0.5:
            crowd.workers[0].one(churn.Worker.sync)
        churn.shut_down(root, how)


def change(disk, row, dice, ending=None):
    """Fills the filesystem and cuts it off, as ENDING says or by chance; how."""
    options = "nouuid" + (",logbsize=%dk" % row["buffers"] if row["buffers"] else "")
    ending = ending or dice.choices(*zip(*ENDINGS))[0]
    if ending == "log full" and log_bytes(disk) > SMALL_LOG << 20:
        ending = "at work"
    how = dice.choice(sorted(churn.GOING_DOWN))
    threads, operations = dice.randrange(1, 5), dice.choice(OPERATIONS)
    wraps = dice.random() < 0.35
    with Mounted(disk, options) as m:
        if not m.mounted:
            raise CannotJudge("mount: %s" % m.error)
        if wraps:
            churn.fill_log(m, dice.choice((1, 1, 2)), dice)
        crowd = churn.Crowd(m.root, dice, threads, operations // threads)
        crowd.start()
        try:
            end(m, crowd, dice, ending, how)
        finally:
            if ending == "at work":
                crowd.join()
            crowd.close()
    return "%s, %s, %d threads, %d calls%s" % (ending, how, threads, operations,
                                               ", log wrapped" if wraps else "")


def build(seed, image, ending=None):
    """(Disk, words about it) of a seed; IMAGE is the path that the image gets. ENDING: another one
    than by chance."""
    dice = random.Random(seed)
    row = features.row_of(seed)
    disk = make(row, dice, image)
    try:
        return disk, "%s; %s" % (features.told(row), change(disk, row, dice, ending))
    except BaseException:
        disk.remove()
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="+", type=int, metavar="SEED")
    parser.add_argument("--out", required=True, metavar="DIRECTORY")
    arguments = parser.parse_args()
    disks.need_linux()
    os.makedirs(arguments.out, exist_ok=True)
    for seed in arguments.seeds:
        began = time.monotonic()
        disk, words = build(seed, os.path.join(arguments.out, "dirty-%d.img" % seed))
        clean = disks.log_is_clean(disk)
        print("%s: %s; log %s; %.1f s" % (
            disk.image, words, {True: "clean", False: "dirty", None: "unreadable"}[clean],
            time.monotonic() - began), flush=True)


if __name__ == "__main__":
    try:
        main()
    except CannotJudge as error:
        print("dirty: %s" % error, file=sys.stderr)
        sys.exit(2)
