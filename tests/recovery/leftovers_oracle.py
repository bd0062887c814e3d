#!/usr/bin/env python3
"""Unlinked files and copies on write freed by xfsx and, on an equal image, by Linux.

leftovers_oracle.py [KIND ...] [--seed N]; without a word, all kinds.

Linux makes files of every shape, takes their names while they are open, begins copies on write,
and freezes: what a copy of the image holds then is what a power cut leaves, with everything home.
leftovers_tool frees what is left in one copy, Linux recovers another. Every xfs_repair -n that
knows the features is silent, inodes and blocks are counted as Linux counts them, AG by AG, and the
inode btrees and reference counts hold the same records.
"""
import argparse
import fcntl
import os
import random
import re
import stat
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TESTS, name) for name in ("cli", "log", "oracle", "stages/lib")]
import judge                                                    # noqa: E402
import xfs_db                                                   # noqa: E402
from judge import Wrong                                         # noqa: E402
from judging import xfsprogs                                    # noqa: E402

TOOL = os.environ.get("XFSX_LEFTOVERS_TOOL", "leftovers_tool")
KINDS = {       # the version of mkfs.xfs, and its words
    "default": ("6.1", []),
    "least": ("6.1", ["-m", "reflink=0,finobt=0,inobtcount=0,bigtime=0", "-i", "sparse=0"]),
    "rmapbt1k": ("6.1", ["-m", "rmapbt=1", "-b", "size=1024"]),
    "inode2k": ("6.13", ["-m", "rmapbt=1", "-i", "size=2048"]),
    "parents": ("7.2", ["-m", "rmapbt=1", "-n", "parent=1"]),
    "metadir": ("7.2", ["-m", "rmapbt=1,metadir=1"]),
}
FICLONE = 0x40049409
UNIT = 4096
COW_FILES = 4
COW_HINT = "256k"
CHUNKS = 300            # files enough that whole chunks of inodes go
COUNTED = ("count", "freecount")
# Together: how many blocks a btree takes depends on the order of its changes.
FREE_OR_IN_TREES = ("freeblks", "flcount", "btreeblks", "refcntblocks", "ino_blocks", "fino_blocks")
# The root of a tree, and the height that says whether it is there.
TREES = {"agi": (("root", "level"), ("free_root", "free_level")),
         "agf": (("refcntroot", "refcntlevel"),)}


class Files:
    """What is made below a mount point, and which of it will lose its name."""

    def __init__(self, point, dice, reflink):
        self.point, self.dice, self.reflink = point, dice, reflink
        self.doomed = []

    def path(self, name):
        return os.path.join(self.point, name)

    def data(self, name, blocks, step=2):
        with open(self.path(name), "wb", buffering=0) as file:
            for i in range(blocks):
                file.seek(i * step * UNIT)
                file.write(bytes([i % 251]) * UNIT)

    def clone(self, name, copy):
        with open(self.path(name), "rb") as source, open(self.path(copy), "wb") as target:
            fcntl.ioctl(target, FICLONE, source.fileno())

    def make_plain(self):
        for i in range(40):
            name = "f%d" % i
            self.data(name, self.dice.choice((0, 1, 3, 8, 40)))
            for k in range(self.dice.choice((0, 0, 1, 60))):
                size = self.dice.choice((3, 80, 300, 3000))
                os.setxattr(self.path(name), "user.k%d" % k, b"v" * size)
            if i % 2:
                self.doomed.append(name)
        self.data("many", 2500)
        self.doomed.append("many")
        for i in range(CHUNKS):
            self.data("c%d" % i, i % 2)
            self.doomed.append("c%d" % i)

    def make_special(self):
        os.symlink("short", self.path("link"))
        os.symlink("l" * 1000, self.path("remote"))
        os.mkfifo(self.path("fifo"))
        os.mknod(self.path("device"), 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        os.mkdir(self.path("empty"))
        os.mkdir(self.path("was-large"))
        names = ["was-large/%060d" % i for i in range(400)]
        for name in names:
            self.data(name, 0)
        os.sync()
        for name in names:
            os.unlink(self.path(name))
        self.doomed += ["link", "remote", "fifo", "device", "empty", "was-large"]

    def make_shared(self):
        self.data("kept", 900)
        self.clone("kept", "gone")
        self.data("all", 500)
        self.clone("all", "all-2")
        self.clone("all", "all-3")
        with open(self.path("all-3"), "r+b", buffering=0) as file:
            for i in range(0, 500, self.dice.choice((2, 3))):
                file.seek(i * 2 * UNIT)
                file.write(b"n" * UNIT)
        self.doomed += ["gone", "all", "all-2", "all-3"]
        for i in range(COW_FILES):
            self.data("cow%d" % i, 200, 1)
            judge.run("xfs_io", "-c", "cowextsize " + COW_HINT, self.path("cow%d" % i))
            self.clone("cow%d" % i, "twin%d" % i)

    def take_names(self):
        """Descriptors that keep the files, and those with copies on write under way."""
        held = [os.open(self.path(name), os.O_PATH | os.O_NOFOLLOW) for name in self.doomed]
        self.dice.shuffle(self.doomed)
        for name in self.doomed:
            path = self.path(name)
            is_directory = stat.S_ISDIR(os.lstat(path).st_mode)
            (os.rmdir if is_directory else os.unlink)(path)
        for i in range(COW_FILES if self.reflink else 0):
            held.append(os.open(self.path("cow%d" % i), os.O_RDWR))
            for k in range(3):
                os.pwrite(held[-1], b"w" * UNIT, k * 71 * UNIT)
            os.fsync(held[-1])
        return held


def cut(image, copy, dice, reflink):
    """Fills the image and copies it as a power cut would leave it. How many files are unlinked."""
    with judge.mounted(image) as (point, _, _):
        files = Files(point, dice, reflink)
        files.make_plain()
        files.make_special()
        if reflink:
            files.make_shared()
        os.sync()
        held = files.take_names()
        try:
            judge.run("fsfreeze", "-f", point)
            try:
                judge.run("cp", "--sparse=always", image, copy)
            finally:
                judge.run("fsfreeze", "-u", point)
        finally:
            for descriptor in held:
                os.close(descriptor)
    return len(files.doomed)


def counts(image):
    """What headers count and trees hold, by AG."""
    superblock, = xfs_db.ask(image, [["sb 0", "print"]])
    found = {"sb": {name: superblock[name] for name in ("icount", "ifree")}}
    for ag in range(int(superblock["agcount"])):
        fields = {}
        for header, roots in TREES.items():
            at = "%s %d" % (header, ag)
            fields.update(xfs_db.ask(image, [[at, "print"]])[0])
            for root, height in roots:
                if int(fields.get(height, 0)) > 0:
                    found["%s %s" % (at, root)] = records(image, at, root)
        found["AG %d" % ag] = [fields[name] for name in COUNTED] + [
            sum(int(fields.get(name, 0)) for name in FREE_OR_IN_TREES)]
    return found


def records(image, header, root):
    said = judge.run(xfs_db.program(image), "-r", "-c", header, "-c", "addr " + root,
                     "-c", "btdump", image).stdout
    return re.findall(r"\d+:(\[[^\]]*\])", said)


def same_as_linux(ours, theirs):
    mine, other = counts(ours), counts(theirs)
    for place, fields in other.items():
        if mine.get(place) != fields:
            raise Wrong("%s: %s, but Linux leaves %s" % (place, mine.get(place), fields))


def run(kind, dice, folder):
    version, words = KINDS[kind]
    image, ours, theirs = (os.path.join(folder, name)
                           for name in ("image", "ours.img", "theirs.img"))
    judge.mkfs(image, 400 << 20, *words, version=version)
    doomed = cut(image, ours, dice, "reflink=0" not in ",".join(words))
    judge.run("cp", "--sparse=always", ours, theirs)
    said = judge.run(TOOL, ours).stdout.splitlines()
    if len(said) != doomed + 1:
        raise Wrong("%d inodes were freed, not %d" % (len(said) - 1, doomed))
    _, found = xfsprogs.repair_complaints(ours, xfsprogs.repairs(), "afterwards")
    if found:
        raise Wrong("\n".join(found))
    with judge.mounted(theirs):
        pass
    same_as_linux(ours, theirs)
    with judge.mounted(ours) as (point, device, since):
        for name in os.listdir(point):
            if os.path.isfile(os.path.join(point, name)):
                with open(os.path.join(point, name), "rb") as file:
                    file.read()
        bad = [line for line in judge.messages(device, since) if judge.BAD.search(line)]
        if bad:
            raise Wrong("the kernel complains: " + "; ".join(bad))
    print("%s: %d inodes, %s" % (kind, doomed, said[-1]))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("kinds", nargs="*", metavar="KIND", choices=[[], *KINDS])
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    judge.skip_unless_able()
    for kind in args.kinds or KINDS:
        if KINDS[kind][0] not in judge.versions("mkfs.xfs"):
            print("%s: mkfs.xfs %s is not here" % (kind, KINDS[kind][0]))
            continue
        with tempfile.TemporaryDirectory(dir=os.environ.get("XFSX_ORACLE_TMP")) as folder:
            run(kind, random.Random("%s %d" % (kind, args.seed)), folder)


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        print(wrong)
        sys.exit(1)
