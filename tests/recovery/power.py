#!/usr/bin/env python3
"""Disks that a power cut leaves of the running kernel's own writes.

power.py SEED... --out DIRECTORY [--states N]

A seed decides features and changes as in dirty.py, but nothing shuts the filesystem down: each
write is recorded, and the power fails at some of them. What came before the last flush is on the
disk; of what came after, each write is there or not, and writes to the log may be torn between
sectors. Home blocks are not torn: Linux does not promise to survive that.
"""
import argparse
import bisect
import os
import random
import sys
import time

import churn
import dirty
import disks
import features
import recorder
from disks import Mounted
from judging.errors import CannotJudge
from judging.known import log_of

MODES = ("all", "some", "torn", "torn")
OPERATIONS = (40, 100, 200)
STATES = 6


class Recording:
    """What the kernel wrote, and the disk before."""

    def __init__(self, base, journal, row):
        self.base, self.path, self.row = base, journal, row
        self.events = recorder.read_journal(journal)
        self.flushes = [i for i, event in enumerate(self.events) if event[0] == recorder.FLUSH]
        with open(base.image, "rb") as file:
            self.log = log_of(file.read(512))

    def in_log(self, event):
        _, number, offset, _, _ = event
        return bool(number) or (not self.base.log and self.log[0] <= offset < self.log[1])

    def apply(self, disk, events, journal, torn=None):
        """TORN chooses what of a write reaches the disk: [(offset inside, length)]."""
        files = [os.open(path, os.O_RDWR) for path in disk.paths()]
        try:
            for event in events:
                kind, number, offset, length, place = event
                if kind == recorder.ZERO:
                    disks.punch(files[number], offset, length)
                elif kind == recorder.WRITE:
                    for at, size in torn(event) if torn else ((0, length),):
                        os.pwrite(files[number], os.pread(journal, size, place + at), offset + at)
        finally:
            for file in files:
                os.close(file)

    def state(self, cut, mode, dice, image):
        """The disk when CUT events had been handed to it."""
        flushed = bisect.bisect_left(self.flushes, cut)
        durable = self.flushes[flushed - 1] if flushed else 0
        disk = self.base.copy(image)
        journal = os.open(self.path, os.O_RDONLY)
        try:
            self.apply(disk, self.events[:durable], journal)
            left = self.events[durable:cut]
            if mode != "all":
                left = [event for event in left if dice.random() < 0.6]
            self.apply(disk, left, journal, self.tear(dice) if mode == "torn" else None)
        finally:
            os.close(journal)
        return disk

    def tear(self, dice):
        sector = self.row["sector"]

        def choose(event):
            length = event[3]
            if not self.in_log(event) or dice.random() < 0.3:
                return [(0, length)]
            if dice.random() < 0.5:
                return [(0, dice.randrange(0, length + 1, sector))]
            return [(at, sector) for at in range(0, length, sector) if dice.random() < 0.7]
        return choose

    def cut(self, dice):
        """Some event; more often one near a flush, where a log record has just been written."""
        if dice.random() < 0.5 and self.flushes:
            return min(len(self.events), dice.choice(self.flushes) + dice.randrange(3))
        return dice.randrange(1, len(self.events) + 1)


def record(seed, folder):
    """(Recording, words about it)."""
    dice = random.Random(seed)
    row = features.row_of(seed)
    disk = dirty.make(row, dice, os.path.join(folder, "recorded.img"))
    base = disk.copy(os.path.join(folder, "base.img"))
    journal = os.path.join(folder, "journal")
    threads, operations = dice.randrange(1, 4), dice.choice(OPERATIONS)
    options = "nouuid" + (",logbsize=%dk" % row["buffers"] if row["buffers"] else "")
    try:
        with recorder.recording(disk, journal) as recorded, Mounted(recorded, options) as m:
            if not m.mounted:
                raise CannotJudge("mount: %s" % m.error)
            if dice.random() < 0.3:
                churn.fill_log(m, 1, dice)
            crowd = churn.Crowd(m.root, dice, threads, operations // threads)
            crowd.start()
            while any(worker.is_alive() for worker in crowd.workers):
                time.sleep(dice.uniform(0.01, 0.1))
                if dice.random() < 0.5:
                    sync(m.root)
            crowd.join()
            crowd.close()
            m.unmount()
    finally:
        disk.remove()
    return Recording(base, journal, row), "%s; %d threads, %d calls" % (
        features.told(row), threads, operations)


def sync(root):
    with churn.opened(root, os.O_RDONLY) as fd:
        churn.linux.LIBC.syncfs(fd)


def states(seed, folder, count=STATES):
    """(Disk, words about it), COUNT of them; each is removed when the next is asked for."""
    recording, words = record(seed, folder)
    dice = random.Random(seed ^ 0xC07)
    try:
        for number in range(count):
            cut, mode = recording.cut(dice), dice.choice(MODES)
            disk = recording.state(cut, mode, dice, os.path.join(folder, "dirty.img"))
            try:
                yield disk, "%s; power cut at %d of %d, %s of what was not flushed" % (
                    words, cut, len(recording.events), mode)
            finally:
                disk.remove()
            words = "same"
    finally:
        recording.base.remove()
        os.unlink(recording.path)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="+", type=int, metavar="SEED")
    parser.add_argument("--out", required=True, metavar="DIRECTORY")
    parser.add_argument("--states", type=int, default=STATES)
    arguments = parser.parse_args()
    disks.need_linux()
    os.makedirs(arguments.out, exist_ok=True)
    for seed in arguments.seeds:
        for number, (disk, words) in enumerate(states(seed, arguments.out, arguments.states)):
            kept = disk.copy(os.path.join(arguments.out, "power-%d-%d.img" % (seed, number)))
            print("%s: %s" % (kept.image, words), flush=True)


if __name__ == "__main__":
    try:
        main()
    except CannotJudge as error:
        print("power: %s" % error, file=sys.stderr)
        sys.exit(2)
