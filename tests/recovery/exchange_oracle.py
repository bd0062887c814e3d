#!/usr/bin/env python3
"""Exchanges that were cut off where Linux does not end them as its log says.

exchange_oracle.py [CASE...] [--keep DIRECTORY]             without a case, all

A filesystem is brought, by the running kernel, into the state in which an exchange has got so far,
and the intent for the rest of it is put in its log (compose_tool); in the case "cut off at work"
the kernel itself is cut off. Copies are recovered by Linux and by xfsx. The line of Linux says what
became of it there; ours must be what the log says: sizes, every byte, the reflink flags, and each
xfs_repair -n silent. An XMI in its older form (SXI), and one of a machine of the other byte order,
which Linux refuses, must end the same.

XFSX: the program. XFSX_COMPOSE_TOOL: tests/compose_tool of the same build. Prints `PASS name` or
`FAIL name: why`, a line each, and what Linux did before that; exit status 1 if anything failed.
"""
import argparse
import fcntl
import json
import os
import random
import shutil
import struct
import sys
import tempfile
import threading
import time

import churn
import disks
import logs
import looks
import results
from disks import Disk, Mounted, linux, xfsprogs
from judging.errors import CannotJudge
from relog_oracle import compose

BLOCK = 4096
SIZE = 160 << 20
SET_SIZES, WRITTEN_ONLY, CLEAR1, CLEAR2 = 2, 4, 8, 16
FORMS = {"XMI": [], "SXI": [], "XMI in the other byte order": ["--other-order"]}
ROUNDS = 40                     # to hit an exchange in the middle


def pattern(seed, blocks, cut=0):
    """Bytes of so many blocks, less CUT."""
    return random.Random(seed).randbytes(blocks * BLOCK - cut)


class File:
    """One side: what lies on disk when the power fails, what must lie there in the end."""

    def __init__(self, name, wanted, reflink=False):
        self.name, self.wanted, self.reflink = name, wanted, reflink
        self.inode = self.generation = None

    def put(self, root, at, data):
        fd = os.open(os.path.join(root, self.name), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.pwrite(fd, data, at * BLOCK)
            os.fsync(fd)
        finally:
            os.close(fd)

    def share(self, root, source, at, blocks):
        """The blocks of another file, at the same place."""
        with churn.opened(os.path.join(root, self.name), os.O_RDWR | os.O_CREAT) as fd, \
                churn.opened(os.path.join(root, source), os.O_RDONLY) as other:
            clone(fd, other, at * BLOCK, blocks * BLOCK)

    def size(self, root, size):
        os.truncate(os.path.join(root, self.name), size)

    def learn(self, root):
        path = os.path.join(root, self.name)
        self.inode, self.generation = os.stat(path).st_ino, looks.generation(path)


def clone(fd, source, at, length):
    fcntl.ioctl(fd, linux.FICLONERANGE, struct.pack("qQQQ", source, at, length, at))


class Case:
    """How the files lie when the exchange has come to block START, and what the intent says."""

    def __init__(self, title, first, second, fill, start, left, flags):
        self.title, self.first, self.second, self.fill = title, first, second, fill
        self.start, self.left, self.flags = start, left, flags

    def build(self, path):
        disk = make(path)
        with Mounted(disk) as m:
            need_mount(m)
            self.fill(m.root, self.first, self.second)
            for file in (self.first, self.second):
                file.learn(m.root)
            m.unmount()
        return disk

    def intent(self, form):
        name = "log_sxi" if form == "SXI" else "log_xmi"
        sizes = (len(self.first.wanted), len(self.second.wanted))
        fields = {"id": 0xffff888012345678, "inode1": self.first.inode,
                  "inode2": self.second.inode, "startoff1": self.start, "startoff2": self.start,
                  "blockcount": self.left, "flags": self.flags}
        if name == "log_xmi":
            fields.update(igen1=self.first.generation, igen2=self.second.generation)
        both = sizes if self.flags & SET_SIZES else ((1 << 64) - 1,) * 2
        fields.update(isize1=both[0], isize2=both[1])
        return [form.split()[0]] + ["%s.%s=%d" % (name, key, value)
                                    for key, value in fields.items()]


def make(path):
    disk = Disk(path)
    with open(path, "wb") as file:
        file.truncate(SIZE)
    program = os.path.join(xfsprogs.directory(), "mkfs.xfs-6.13")
    xfsprogs.run([program, "-q", "--unsupported", "-m", "rmapbt=1,reflink=1", "-i",
                  "exchange=1,nrext64=1", "-d", "agcount=2", "-l", "size=16m", path])
    return disk


def need_mount(mounted):
    if not mounted.mounted:
        raise CannotJudge("mount: %s" % mounted.error)


# The states

def unequal(root, first, second):
    """The second was the longer one; all up to block 20 has been exchanged, and the end of what the
    first has got is its size."""
    first.put(root, 0, first.wanted[:20 * BLOCK])
    second.put(root, 0, second.wanted)
    second.put(root, 20, first.wanted[20 * BLOCK:])


def unequal_other(root, first, second):
    unequal(root, second, first)


def equal(root, first, second):
    for one, other in ((first, second), (second, first)):
        one.put(root, 0, one.wanted[:20 * BLOCK])
        one.put(root, 20, other.wanted[20 * BLOCK:])


def nothing_left(root, first, second):
    """Everything is exchanged; both have the flag, the second needs it no more."""
    origin(root, first.wanted)
    first.share(root, "origin", 0, 10)
    second.share(root, "origin", 0, 10)
    second.put(root, 0, second.wanted)
    second.size(root, len(second.wanted))


def flags_left(root, first, second):
    """Five of ten blocks are exchanged; the shared ones were the second's."""
    origin(root, first.wanted)
    first.share(root, "origin", 0, 5)
    first.put(root, 5, second.wanted[5 * BLOCK:])
    second.put(root, 0, second.wanted[:5 * BLOCK])
    second.share(root, "origin", 5, 5)


def written_only(root, first, second):
    """The first had a hole from block 5 on: there the second keeps its shared blocks. Three blocks
    are exchanged."""
    whole = first.wanted[:5 * BLOCK] + second.wanted[5 * BLOCK:]
    origin(root, whole)
    first.share(root, "origin", 0, 3)
    first.put(root, 3, second.wanted[3 * BLOCK:5 * BLOCK])
    first.size(root, 10 * BLOCK)
    second.put(root, 0, second.wanted[:3 * BLOCK])
    second.share(root, "origin", 3, 7)


def origin(root, data):
    File("origin", data).put(root, 0, data)


def cases():
    long, short = pattern(1, 30, 100), pattern(2, 10, 50)
    ten, other = pattern(3, 10), pattern(4, 10)
    holed = ten[:5 * BLOCK] + bytes(5 * BLOCK)
    mixed = other[:5 * BLOCK] + pattern(5, 5)
    return [
        Case("equal sizes", File("a", pattern(6, 30, 100)), File("b", pattern(7, 30, 100)), equal,
             20, 10, SET_SIZES),
        Case("the second shrinks", File("a", long), File("b", short), unequal, 20, 10, SET_SIZES),
        Case("the first shrinks", File("a", short), File("b", long), unequal_other, 20, 10,
             SET_SIZES),
        Case("no blocks left", File("a", ten, True), File("b", other), nothing_left, 10, 0,
             SET_SIZES | CLEAR2),
        Case("reflink flag to be cleared", File("a", ten, True), File("b", other), flags_left, 5, 5,
             SET_SIZES | CLEAR2),
        Case("reflink flag still needed", File("a", holed, True), File("b", mixed, True),
             written_only, 3, 7, WRITTEN_ONLY | CLEAR2),
    ]


# What became of them

def has_reflink(disk, inode):
    said = xfsprogs.run([disks.newest("xfs_db"), "-r", "-c", "inode %d" % inode, "-c",
                         "print v3.reflink", disk.image]).stdout
    return said.split("=")[-1].strip() == "1"


def read(root, file):
    with open(os.path.join(root, file.name), "rb") as handle:
        return handle.read()


def difference(wanted, found):
    """In a few words, or None."""
    if wanted == found:
        return None
    said = []
    if len(wanted) != len(found):
        said.append("%d bytes, not %d" % (len(found), len(wanted)))
    both = min(len(wanted), len(found))
    bad = [at for at in range(0, both, BLOCK) if wanted[at:at + BLOCK] != found[at:at + BLOCK][
        :len(wanted) - at]]
    if bad:
        zero = sum(not any(found[at:at + BLOCK]) for at in bad)
        said.append("%d blocks wrong from block %d on, %d of them zeroes" % (
            len(bad), bad[0] // BLOCK, zero))
    return ", ".join(said) or "bytes behind the end"


def ended(disk, files, repairs, said=()):
    """What is not as the log says, of a disk that has been recovered."""
    wrong = list(said)
    with Mounted(disk) as m:
        if not m.mounted:
            return wrong + ["mount: %s" % m.error]
        for file in files:
            differs = difference(file.wanted, read(m.root, file))
            if differs:
                wrong.append("%s: %s" % (file.name, differs))
        m.unmount()
    for file in files:
        if has_reflink(disk, file.inode) != file.reflink:
            wrong.append("%s: the reflink flag is %s" % (
                file.name, "not set" if file.reflink else "set"))
    return wrong + xfsprogs.repair_complaints(disk.image, repairs, "afterwards")[1]


def by_linux(disk, files, repairs):
    """What Linux makes of a copy, as ended() says it."""
    copy = disk.copy(disk.image + ".linux")
    messages = linux.KernelMessages()
    try:
        done = disks.Recovered(copy, messages)
        if done.error:
            return ["mount: %s" % done.error]
        return ended(copy, files, repairs, done.bad)
    finally:
        messages.close()
        copy.remove()


def by_xfsx(disk, files, repairs, keep):
    copy = disk.copy(disk.image + ".xfsx")
    try:
        done = logs.xfsx("recover", copy.image)
        if done.returncode:
            return ["recover: status %d: %s" % (done.returncode, done.stderr.strip()[-600:])]
        wrong = ended(copy, files, repairs)
        if wrong and keep:
            os.makedirs(keep, exist_ok=True)
            shutil.copy(disk.image, keep)
        return wrong
    finally:
        copy.remove()


def told(wrong):
    return "; ".join(wrong) if wrong else "as the log says"


def judge(case, folder, repairs, keep):
    title = "exchange ended, %s" % case.title
    disk = case.build(os.path.join(folder, case.title.replace(" ", "-") + ".img"))
    files, good = (case.first, case.second), True
    for form, words in FORMS.items():
        copy = disk.copy(disk.image + "." + form.replace(" ", "-"))
        compose("compose", copy.image, *words, *case.intent(form))
        if form == "XMI":
            print("%s: Linux: %s" % (case.title, told(by_linux(copy, files, repairs))))
        wrong = by_xfsx(copy, files, repairs, keep)
        if form == "XMI":
            print("%s: xfsx:  %s" % (case.title, told(wrong)))
        if wrong:
            results.failed("%s, %s" % (title, form), " | ".join(wrong))
        else:
            results.passed("%s, %s" % (title, form))
        good = good and not wrong
        copy.remove()
    disk.remove()
    return good


# The kernel itself, cut off

def scatter(root, file, blocks, data):
    """A file of as many mappings as it has blocks in every other place."""
    with churn.opened(os.path.join(root, file.name), os.O_RDWR | os.O_CREAT) as fd:
        for at in range(0, blocks, 2):
            os.pwrite(fd, data[at * BLOCK:(at + 1) * BLOCK], at * BLOCK)
        os.ftruncate(fd, len(data))
        os.fsync(fd)
    file.learn(root)


def every_other(seed, blocks, cut):
    dice, data = random.Random(seed), bytearray(blocks * BLOCK)
    for at in range(0, blocks, 2):
        data[at * BLOCK:(at + 1) * BLOCK] = dice.randbytes(BLOCK)
    return bytes(data[:len(data) - cut])


def open_exchange(disk):
    """(startoff1, blocks left) of the exchange in the log that is open, or None."""
    done = logs.xfsx("--json", "log", "--pending", disk.image)
    if done.returncode:
        raise CannotJudge("xfsx log: " + done.stderr[-300:])
    found = json.loads(done.stdout)
    identities = {one["id"] for one in found["open_intents"] if one["type"] == "XMI"}
    at = None
    for entry in found["entries"]:
        for item in entry.get("items", ()):
            of = item.get("format", {})
            if item["type"] == "XMI" and of.get("id") in identities:
                at = int(of["startoff1"]), int(of["blockcount"])
    return at


def cut_off(disk, first, second, wait):
    with Mounted(disk) as m:
        need_mount(m)
        with churn.opened(os.path.join(m.root, first.name)) as one, \
                churn.opened(os.path.join(m.root, second.name)) as two:
            def work():
                try:
                    churn.exchange(one, two, 0, 0, 0, churn.TO_EOF)
                except OSError:
                    pass                # it has been cut off
            thread = threading.Thread(target=work)
            thread.start()
            time.sleep(wait)
            churn.shut_down(m.root, "log flushed")
            thread.join()
        m.unmount()


def hit_in_the_middle(disk, first, second, dice):
    """(copy of the disk, open_exchange() of it) behind the end of the shorter file; None for the
    second if chance was against it."""
    early, late = 0.005, 0.5
    for _ in range(ROUNDS):
        copy = disk.copy(disk.image + ".cut")
        wait = dice.uniform(early, late)
        cut_off(copy, first, second, wait)
        at = open_exchange(copy)
        if at and at[0] > 1000 and at[1]:
            return copy, at
        # Another run takes another time: the bounds only lean towards what was seen.
        if at:
            early += (wait - early) / 3
        else:
            late = max(0.02, late - (late - wait) / 3)
        early = min(early, late / 2)
        copy.remove()
    return None, None


def judge_at_work(folder, repairs, keep, dice):
    """An exchange that the kernel was at, beyond the end of the shorter file."""
    first, second = File("a", None), File("b", None)
    old_first, old_second = every_other(8, 1000, 100), every_other(9, 4000, 200)
    disk = make(os.path.join(folder, "at-work.img"))
    with Mounted(disk) as m:
        need_mount(m)
        scatter(m.root, first, 1000, old_first)
        scatter(m.root, second, 4000, old_second)
        m.unmount()
    first.wanted, second.wanted = old_second, old_first
    copy, at = hit_in_the_middle(disk, first, second, dice)
    if at is None:
        results.skipped("exchange ended, cut off at work", "it was not hit in the middle")
        return True
    title = "cut off at work"
    print("%s, at block %d, %d left: Linux: %s" % (
        title, *at, told(by_linux(copy, (first, second), repairs))))
    wrong = by_xfsx(copy, (first, second), repairs, keep)
    print("%s: xfsx:  %s" % (title, told(wrong)))
    if wrong:
        results.failed("exchange ended, " + title, " | ".join(wrong))
    else:
        results.passed("exchange ended, " + title)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep the images of what fails")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    disks.need_linux()
    repairs = xfsprogs.repairs()
    folder = tempfile.mkdtemp(prefix="xfsx-exchange.", dir=linux.scratch_directory())
    good = True
    try:
        for case in cases():
            if not arguments.cases or case.title in arguments.cases:
                good = judge(case, folder, repairs, arguments.keep) and good
        if not arguments.cases or "cut off at work" in arguments.cases:
            good = judge_at_work(folder, repairs, arguments.keep,
                                 random.Random(arguments.seed)) and good
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotJudge as error:
        print("exchange_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
