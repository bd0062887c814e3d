#!/usr/bin/env python3
"""Intents made by hand, field by field, recovered by Linux and by xfsx.

composed_oracle.py [CASE...] [--keep DIRECTORY]             without a case, all

The running kernel makes a few files; then transactions with intents, and with what they follow
from, are put in the log (compose_tool). Linux must accept every one of them, and both must come to
the same filesystem, as recover_oracle.py compares it. Of each kind of intent there is one that does
something, one that a done item in a later transaction ends, and one whose transaction has no
commit: the last two must do nothing.

XFSX and XFSX_COMPOSE_TOOL: as for relog_oracle.py. Prints `PASS name` or `FAIL name: why`, a line
each; exit status 1 if anything failed.
"""
import argparse
import fcntl
import os
import struct
import sys

import churn
import disks
import looks
import recover_oracle
import results
from disks import Mounted, linux, xfsprogs
from judging.errors import CannotJudge
from exchange_oracle import BLOCK, make, pattern
from relog_oracle import compose

ID = 0xffff888000001000
MAP, UNMAP = 1, 2
RMAP_UNMAP = 3
INCREASE, DECREASE = 1, 2
SET, REMOVE = 1, 2
LOGGED_ATTRIBUTES = 1           # bit of features_log_incompat


class Files:
    """`own` has ten blocks of its own; `one` and `two` share ten, behind which `two` has a hole."""

    def __init__(self, disk):
        self.inode, self.start = {}, {}
        with Mounted(disk) as m:
            if not m.mounted:
                raise CannotJudge("mount: %s" % m.error)
            for name in ("own", "one", "two"):
                self.fill(os.path.join(m.root, name), name)
            m.unmount()
        for name in self.inode:
            self.start[name] = self.first_block(disk, name)

    def fill(self, path, name):
        with churn.opened(path, os.O_RDWR | os.O_CREAT) as fd:
            if name == "two":
                with churn.opened(os.path.join(os.path.dirname(path), "one")) as one:
                    fcntl.ioctl(fd, linux.FICLONERANGE, struct.pack("qQQQ", one, 0, 10 * BLOCK, 0))
                os.ftruncate(fd, 30 * BLOCK)
            else:
                os.pwrite(fd, pattern(name, 10), 0)
            os.setxattr(fd, "user.kept", b"as it was")
            os.fsync(fd)
            self.inode[name] = os.fstat(fd).st_ino

    def first_block(self, disk, name):
        """As a number of a filesystem block, which is what intents name."""
        said = xfsprogs.run([disks.newest("xfs_db"), "-r", "-c", "inode %d" % self.inode[name],
                             "-c", "print u3.bmx[0].startblock", disk.image]).stdout
        return int(said.split("=")[1].split()[0])


def mapping(files, kind, owner, start_of, at, blocks, flags):
    return [kind, "log_intent.id=%d" % ID, "log_map_extent.owner=%d" % files.inode[owner],
            "log_map_extent.startblock=%d" % files.start[start_of],
            "log_map_extent.startoff=%d" % at, "log_map_extent.len=%d" % blocks,
            "log_map_extent.flags=%d" % flags]


def count(files, start_of, blocks, flags):
    return ["CUI", "log_intent.id=%d" % ID, "log_cui_extent.startblock=%d" % files.start[start_of],
            "log_cui_extent.len=%d" % blocks, "log_cui_extent.flags=%d" % flags]


def free(files, start_of, *pieces):
    words = ["EFI:%d" % len(pieces), "log_intent.id=%d" % ID]
    for i, (at, blocks) in enumerate(pieces):
        words += ["log_efi_extent[%d].start=%d" % (i, files.start[start_of] + at),
                  "log_efi_extent[%d].len=%d" % (i, blocks)]
    return words


def attribute(files, operation, name, value=b""):
    words = ["ATTRI", "log_attri.id=%d" % ID, "log_attri.ino=%d" % files.inode["own"],
             "log_attri.op_flags=%d" % operation, "log_attri.size=%d" % (2 + bool(value)),
             "log_attri.name_len=%d" % len(name), "log_attri.value_len=%d" % len(value),
             "+" + name.hex()]
    return words + (["+" + value.hex()] if value else [])


def exchange(files):
    fields = {"id": ID, "inode1": files.inode["own"], "inode2": files.inode["one"],
              "blockcount": 5, "flags": 0, "isize1": (1 << 64) - 1, "isize2": (1 << 64) - 1}
    return ["SXI"] + ["log_sxi.%s=%d" % pair for pair in fields.items()]


def generations(files, disk):
    """An XMI needs what the inodes' numbers were used for."""
    words = [word.replace("log_sxi", "log_xmi").replace("SXI", "XMI") for word in exchange(files)]
    for i, name in ((1, "own"), (2, "one")):
        said = xfsprogs.run([disks.newest("xfs_db"), "-r", "-c", "inode %d" % files.inode[name],
                             "-c", "print core.gen", disk.image]).stdout
        words.append("log_xmi.igen%d=%d" % (i, int(said.split("=")[1])))
    return words


def acting(files, disk):
    """{what happens: items that belong together}."""
    emptied = ["inode@%d" % files.inode["own"], "log_core.size=0", "log_core.nblocks=0",
               "log_core.nrext64_nextents=0"]
    return {
        "RUI and EFI, a file emptied":
            emptied + mapping(files, "RUI", "own", "own", 0, 10, RMAP_UNMAP)
            + free(files, "own", (4, 6), (0, 4)),
        "CUI and BUI, blocks shared once more":
            count(files, "one", 10, INCREASE) + mapping(files, "BUI", "two", "one", 15, 10, MAP),
        "BUI and CUI, shared blocks given up":
            mapping(files, "BUI", "two", "one", 0, 10, UNMAP) + count(files, "one", 10, DECREASE),
        "BUI and CUI, own blocks given up":
            mapping(files, "BUI", "own", "own", 0, 10, UNMAP) + count(files, "own", 10, DECREASE),
        "ATTRI, an attribute set": attribute(files, SET, b"added", b"a value of nineteen"),
        "ATTRI, an attribute removed": attribute(files, REMOVE, b"kept"),
        "XMI, blocks exchanged": generations(files, disk),
    }


def kinds(files, disk):
    """{kind: an intent that would do harm}."""
    return {
        "EFI": free(files, "own", (0, 10)),
        "RUI": mapping(files, "RUI", "own", "own", 0, 10, RMAP_UNMAP),
        "CUI": count(files, "one", 10, INCREASE),
        "BUI": mapping(files, "BUI", "own", "own", 0, 10, UNMAP),
        "ATTRI": attribute(files, SET, b"harm", b"full"),
        "XMI": generations(files, disk),
    }


def done_item(kind, words):
    if kind == "EFI":               # repeats the extents
        return ["EFD:1"] + words[1:]
    return [kind[:-1] + "D", "log_done.id=%d" % ID]


def cases(files, disk):
    """[(title, whether something happens, transactions: each the words of compose_tool)]."""
    found = [(title, True, [words]) for title, words in acting(files, disk).items()]
    for kind, words in kinds(files, disk).items():
        found.append(("%s and its done item" % kind, False, [words, done_item(kind, words)]))
        # A transaction before it, so that there is something to recover.
        found.append(("%s without a commit" % kind, False, [
            ["inode@%d" % files.inode["one"]], ["--no-commit", *words]]))
    return found


def look(court, disk):
    """What is in it before."""
    copy = disk.copy(os.path.join(court.scratch, "before.img"))
    try:
        return disks.Recovered(copy, court.messages, court.look).seen
    finally:
        copy.remove()


def judge(court, disk, before, case, keep):
    title, acts, transactions = case
    copy = disk.copy(os.path.join(court.scratch, "composed.img"))
    for tid, words in enumerate(transactions):
        compose("compose", copy.image, "--tid=%d" % (0x1000 + tid), *words)
    judged = recover_oracle.Judged(court, copy)
    try:
        judged.judge()
        refused = [note for note in judged.notes if note.startswith("Linux")]
        wrong = judged.wrong + refused
        if judged.their_look and bool(looks.differences(before, judged.their_look)[0]) != acts:
            wrong.append("nothing happened" if acts else "something happened")
        if wrong:
            results.failed("composed, " + title, " | ".join(wrong)[:1500])
            if keep:
                judged.keep(keep, title.replace(" ", "-"))
        else:
            results.passed("composed, " + title)
        return not wrong
    finally:
        judged.remove()
        copy.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep the images of what fails")
    arguments = parser.parse_args()
    court = recover_oracle.Court()
    good = True
    try:
        disk = make(os.path.join(court.scratch, "base.img"))
        files = Files(disk)
        # The kernel sets the bit before it logs the first attribute, and clears it at unmount.
        xfsprogs.run([disks.newest("xfs_db"), "-x", "-c", "sb 0", "-c",
                      "write features_log_incompat %d" % LOGGED_ATTRIBUTES, disk.image])
        before = look(court, disk)
        for case in cases(files, disk):
            if not arguments.cases or case[0] in arguments.cases:
                good = judge(court, disk, before, case, arguments.keep) and good
    finally:
        court.close()
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotJudge as error:
        print("composed_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
