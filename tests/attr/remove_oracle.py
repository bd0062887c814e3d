#!/usr/bin/env python3
"""Attributes removed by xfsx and, on an equal image, by Linux: both must hold the same then.

remove_oracle.py [KIND ...] [--seed N]; without a word, all kinds.

Files with one to thousands of attributes of random names and sizes are made by Linux; xfsx removes
a half of them or more, each in a checkpoint of its own, Linux the same ones from a copy. Every
xfs_repair -n that knows the features is silent, the debug kernel's scrub too, Linux reads every
attribute back, inodes whose attributes lie inside are as Linux leaves them, field by field, and
after Linux has written into the room that was freed all is sound still.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TESTS, name) for name in ("cli", "log", "oracle", "stages/lib")]
import judge                                                    # noqa: E402
import machine                                                  # noqa: E402
import xfs_db                                                   # noqa: E402
from judge import Wrong                                         # noqa: E402
from judging import xfsprogs                                    # noqa: E402

TOOL = os.environ.get("XFSX_ATTR_TOOL", "attr_tool")
KINDS = {       # the version of mkfs.xfs, and its words
    "block4k": ("6.1", ["-m", "rmapbt=1"]),
    "block1k": ("6.1", ["-b", "size=1024"]),
    "inode1k": ("6.1", ["-i", "size=1024,nrext64=1"]),
    "parents": ("7.2", ["-n", "parent=1"]),
}
COUNTS = (1, 1, 2, 3, 4, 6, 10, 20, 60, 200, 1500)      # of attributes, a file each
FRAGMENTED = 3          # each so many files the mappings of the data are a btree
LARGE = 0.01            # of the values have blocks of their own
ONE_LEAF = 2            # attributes always fit one
FEW = 4                 # attributes; all of them are removed
CAPABILITY = bytes.fromhex("0100000200200000" + 24 * "0")


def attribute(dice):
    space = dice.choice(("user", "user", "user", "trusted", "security"))
    name = "".join(dice.choice("abcdefghijklmnop._-0123") for _ in range(dice.randint(1, 30)))
    size = dice.choice((0, 5, dice.randint(0, 60), dice.randint(0, 300)))
    if dice.random() < LARGE:
        size = dice.choice((3000, dice.randint(800, 9000), 65536))
    return "%s.x%s" % (space, name), dice.randbytes(size)


def fill(point, dice):
    """{file: {attribute: value}}"""
    model = {}
    for i, count in enumerate(COUNTS):
        name = "f%d" % i
        path = os.path.join(point, name)
        with open(path, "wb") as file:
            for part in range(60 if i % FRAGMENTED == 0 else 1):
                file.seek(part * 3 * 4096)
                file.write(b"x" * 4096)
                file.flush()
        wanted = {"security.capability": CAPABILITY}
        while len(wanted) < count:
            key, value = attribute(dice)
            wanted[key] = value
        for key in dice.sample(sorted(wanted), count):
            os.setxattr(path, key, wanted[key])
        model[name] = wanted
    return model


def chosen(model, dice):
    """What is removed, in which order."""
    gone = []
    for name, keys in model.items():
        part = 1 if len(keys) <= FEW else dice.choice((0.5, 0.9, 1))
        gone += [(name, key) for key in sorted(keys)
                 if key == "security.capability" or dice.random() < part]
    dice.shuffle(gone)
    return gone


def by_xfsx(image, gone):
    """Removes; the lines that this version refuses, as a set."""
    lines = ["/%s %s" % (name, key.replace(".", " ", 1)) for name, key in gone]
    done = subprocess.run([TOOL, image], input="\n".join(lines) + "\n", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Wrong("attr_tool: " + done.stderr)
    return {pair for pair, line in zip(gone, lines) if line in set(done.stdout.splitlines())}


def attributes_of(point, name):
    path = os.path.join(point, name)
    return {key: os.getxattr(path, key) for key in os.listxattr(path)}


def compare(point, model):
    for name, wanted in model.items():
        found = attributes_of(point, name)
        if found != wanted:
            raise Wrong("%s: lost %s, left over %s, or values differ" % (
                name, sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())))


def sound(image, when):
    _, found = xfsprogs.repair_complaints(image, xfsprogs.repairs(), when)
    if found:
        raise Wrong("\n".join(found))


def scrubbed(image):
    if not machine.debug_kernels():
        return
    judge.run(sys.executable, os.path.join(TESTS, "oracle", "vm", "vm-judge"), "--kernel", "uml",
              "--scrub", "ioctl", "--no-manifest", "--no-repair", image)


def short_form(image, inode):
    """What xfs_db says of the attribute fork, if it lies in the inode or there is none."""
    fields, = xfs_db.ask(image, [["inode %d" % inode, "print"]])
    if fields["core.forkoff"] != "0" and fields["core.aformat"] != "1 (local)":
        return None
    return {key: value for key, value in fields.items()
            if key in ("core.forkoff", "core.aformat", "core.naextents") or key[:4] == "a.sf"}


def same_short_forms(ours, theirs, inodes):
    """INODES: {number: how many attributes it had}. Linux joins leaves that are not full, so from
    some on it brings attributes back into the inode earlier, and begins the fork elsewhere."""
    for number, count in inodes.items():
        mine, other = (short_form(image, number) for image in (ours, theirs))
        if mine is None:
            continue
        if count > ONE_LEAF:
            for fields in (mine, other or {}):
                fields["core.forkoff"] = fields.get("core.forkoff") != "0"
        if mine != other:
            raise Wrong("inode %d: %s, but Linux leaves %s" % (number, mine, other))


def run(kind, dice, folder):
    version, words = KINDS[kind]
    ours, theirs = (os.path.join(folder, name) for name in ("ours.img", "theirs.img"))
    judge.mkfs(ours, 300 << 20, *words, version=version)
    with judge.mounted(ours) as (point, _, _):
        model = fill(point, dice)
        inodes = {os.stat(os.path.join(point, name)).st_ino: len(keys)
                  for name, keys in model.items()}
    judge.run("cp", "--sparse=always", ours, theirs)
    gone = chosen(model, dice)
    kept = by_xfsx(ours, gone)
    with judge.mounted(theirs) as (point, _, _):
        for name, key in gone:
            if (name, key) not in kept:
                os.removexattr(os.path.join(point, name), key)
                del model[name][key]
        compare(point, model)
    sound(ours, "after the removals")
    scrubbed(ours)
    same_short_forms(ours, theirs, inodes)
    with judge.mounted(ours) as (point, device, since):
        compare(point, model)
        for name, wanted in model.items():
            for _ in range(40):
                key, value = attribute(dice)
                wanted[key] = value
                os.setxattr(os.path.join(point, name), key, value)
        compare(point, model)
        bad = [line for line in judge.messages(device, since) if judge.BAD.search(line)]
        if bad:
            raise Wrong("the kernel complains: " + "; ".join(bad))
    sound(ours, "after Linux has added attributes")
    print("%s: %d attributes removed, %d refused" % (kind, len(gone) - len(kept), len(kept)))


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
