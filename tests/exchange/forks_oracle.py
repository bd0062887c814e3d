#!/usr/bin/env python3
"""Forks that hold metadata, exchanged by xfsx and judged by Linux.

forks_oracle.py [KIND ...] [--seed N]; without a word, all kinds.

Linux makes files of every kind with attributes of every form (none, in the inode, a leaf, a tree, a
mapping btree, values of their own), directories of every form and links of many lengths. xfsx
exchanges attribute forks of random pairs, and data forks of pairs of directories and of links. Then
every xfs_repair -n that knows the features is silent, the debug kernel's scrub too, and Linux reads
everything where it must be now; after Linux has written into all of it, all is sound still. What
xfsx refuses must leave the image as it was.
"""
import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TESTS, name) for name in ("attr", "cli", "log", "oracle",
                                                       "stages/lib")]
import judge                                                    # noqa: E402
from judge import Wrong                                         # noqa: E402
from remove_oracle import scrubbed, sound                       # noqa: E402

XFSX = os.environ.get("XFSX", "xfsx")
KINDS = {       # the version of mkfs.xfs, and its words
    "block4k": ("6.1", ["-m", "rmapbt=1"]),
    "plain": ("6.1", ["-m", "rmapbt=0", "-i", "nrext64=0"]),
    "block1k": ("6.1", ["-b", "size=1024", "-n", "size=4096", "-m", "rmapbt=1"]),
    "inode1k": ("6.1", ["-i", "size=1024,nrext64=1"]),
    "parents": ("7.2", ["-n", "parent=1"]),
}
# How many attributes, and how large the values are at most.
ATTRIBUTES = ((0, 0), (1, 20), (4, 40), (2, 150), (30, 60), (20, 250), (300, 100), (3, 9000),
              (1, 65536), (1500, 250))
NAMES = (0, 1, 3, 6, 12, 40, 200, 1500, 4000)           # in a directory
TARGETS = (1, 20, 80, 140, 200, 255, 330, 500, 1000)    # bytes of a link
EXCHANGES = 40
REFUSED = 1


class Model:
    """What lies where: all by the name of the file in the top directory."""

    def __init__(self):
        self.attributes, self.inodes, self.data = {}, {}, {}
        self.kinds = {"file": [], "directory": [], "link": [], "fifo": []}


def text(dice, length):
    return "".join(dice.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(length))


def attribute(dice, most):
    name = "%s.%s" % (dice.choice(("trusted", "trusted", "security")),
                      "x" + text(dice, dice.randint(1, 25)))
    return name, dice.randbytes(dice.randint(0, most))


def make(path, kind, dice, size):
    """A file of KIND; SIZE chooses its form."""
    if kind == "file":
        with open(path, "wb") as file:
            for part in range((1, 4, 60)[size % 3]):
                file.seek(part * 3 * 4096)
                file.write(dice.randbytes(4096))
                file.flush()
                os.fsync(file.fileno())
    elif kind == "directory":
        os.mkdir(path)
        for i in range(NAMES[size % len(NAMES)]):
            os.close(os.open(os.path.join(path, "%d%s" % (i, text(dice, dice.randint(1, 30)))),
                             os.O_CREAT | os.O_WRONLY))
    elif kind == "link":
        os.symlink(text(dice, TARGETS[size % len(TARGETS)]), path)
    else:
        os.mkfifo(path)


def contents(path, kind):
    """What the data fork holds, to be compared."""
    if kind == "file":
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    if kind == "directory":
        with os.scandir(path) as entries:
            return sorted((entry.name, entry.inode()) for entry in entries)
    return os.readlink(path) if kind == "link" else None


def attributes(path):
    return {key: os.getxattr(path, key, follow_symlinks=False)
            for key in os.listxattr(path, follow_symlinks=False)}


def fill(point, dice):
    model = Model()
    kinds = ["file", "directory", "link", "fifo"]
    for i, (kind, (count, most)) in enumerate((k, a) for a in ATTRIBUTES for k in kinds):
        name = "%s%d" % (kind, i)
        path = os.path.join(point, name)
        make(path, kind, dice, i // len(kinds))
        while len(model.attributes.setdefault(name, {})) < count:
            key, value = attribute(dice, most)
            model.attributes[name][key] = value
            os.setxattr(path, key, value, follow_symlinks=False)
        model.inodes[name] = os.lstat(path).st_ino
        model.data[name] = contents(path, kind)
        model.kinds[kind].append(name)
    return model


def digest(image):
    with open(image, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def exchange(image, model, one, two, fork):
    """Whether xfsx did it; what it refuses, it must refuse by name and write nothing."""
    before = digest(image)
    operands = ["inode:%d" % model.inodes[name] for name in (one, two)]
    done = subprocess.run([XFSX, "swap", "--fork", fork, image, *operands], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return True
    if done.returncode != REFUSED or "EOPNOTSUPP" not in done.stderr or digest(image) != before:
        raise Wrong("%s and %s, fork %s: status %d: %s" % (one, two, fork, done.returncode,
                                                           done.stderr))
    return False


def swap(table, one, two):
    table[one], table[two] = table[two], table[one]


def exchange_some(image, model, dice):
    """Exchanges at random; {fork: [done, refused]}."""
    counts = {"attr": [0, 0], "data": [0, 0]}
    for i in range(EXCHANGES):
        fork = ("attr", "data")[i % 2]
        if i == 0:      # what grows then: an empty directory that gets the attributes of a fifo
            one, two = model.kinds["directory"][0], model.kinds["fifo"][1]
        elif fork == "attr":
            one, two = dice.sample(sorted(model.inodes), 2)
        else:
            one, two = dice.sample(model.kinds[dice.choice(("directory", "link"))], 2)
        done = exchange(image, model, one, two, fork)
        counts[fork][not done] += 1
        if done:
            swap(model.attributes if fork == "attr" else model.data, one, two)
    return counts


def compare(point, model):
    for kind, names in model.kinds.items():
        for name in names:
            path = os.path.join(point, name)
            found = attributes(path)
            if found != model.attributes[name]:
                wanted = model.attributes[name]
                raise Wrong("%s: lost %s, left over %s, or values differ" % (
                    name, sorted(wanted.keys() - found.keys()),
                    sorted(found.keys() - wanted.keys())))
            if contents(path, kind) != model.data[name]:
                raise Wrong("%s does not hold what it should" % name)


def write_more(point, model, dice):
    """Linux adds attributes and names, and takes some away."""
    for kind, names in model.kinds.items():
        for name in names:
            path = os.path.join(point, name)
            for key in sorted(model.attributes[name])[::3]:
                os.removexattr(path, key, follow_symlinks=False)
                del model.attributes[name][key]
            for _ in range(20):
                key, value = attribute(dice, 200)
                os.setxattr(path, key, value, follow_symlinks=False)
                model.attributes[name][key] = value
            if kind != "directory":
                continue
            for i in range(60):
                os.close(os.open(os.path.join(path, "more%d" % i), os.O_CREAT | os.O_WRONLY))
            for entry, _ in model.data[name][::2]:
                os.unlink(os.path.join(path, entry))
            model.data[name] = contents(path, kind)


def complaints(device, since):
    bad = [line for line in judge.messages(device, since) if judge.BAD.search(line)]
    if bad:
        raise Wrong("the kernel complains: " + "; ".join(bad))


def run(kind, dice, folder):
    version, words = KINDS[kind]
    image = os.path.join(folder, "image")
    judge.mkfs(image, 300 << 20, *words, version=version)
    with judge.mounted(image) as (point, _, _):
        model = fill(point, dice)
    counts = exchange_some(image, model, dice)
    sound(image, "after the exchanges")
    scrubbed(image)
    with judge.mounted(image) as (point, device, since):
        compare(point, model)
        write_more(point, model, dice)
        compare(point, model)
        complaints(device, since)
    sound(image, "after Linux has written")
    if not counts["data"][0] or not (counts["attr"][0] or kind == "parents"):
        raise Wrong("nothing was exchanged: %s" % counts)
    print("%s: %s" % (kind, ", ".join("%d %s forks exchanged, %d refused" % (done, fork, refused)
                                      for fork, (done, refused) in counts.items())))


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
