#!/usr/bin/env python3
"""The shipped dirty images with their logs written anew: recovery must not see a difference.

relog_oracle.py [NAME...] [--keep DIRECTORY]                without a name, all

The log of a copy is written anew as a machine of the other byte order would have written it, in
records of other sizes, in both, and with each exchange in the form that it had before it was
settled. Each copy is recovered by xfsx: every inode, every file, and every byte outside the log
must be as in the image with the log that Linux wrote, the log clean, each xfs_repair -n that knows
the features silent. Where the running kernel can mount the image, it recovers those in its own byte
order too, to the same files, and refuses those in the other.

XFSX: the program. XFSX_COMPOSE_TOOL: tests/compose_tool of the same build. Prints `PASS name`,
`FAIL name: why` and `SKIP name: why`, a line each; exit status 1 if anything failed.
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

import disks
import logs
import looks
import results
import shipped_oracle
from disks import Disk, linux, xfsprogs
from judging import court, known, manifest
from judging.errors import CannotJudge

TOOL = os.environ.get("XFSX_COMPOSE_TOOL") or os.path.join(disks.ROOT, "build", "gcc", "tests",
                                                           "compose_tool")
OTHER = "--other-order"
VARIANTS = {
    "other order": [OTHER],
    "records of 16 KiB": ["--record-size=16384"],
    "records of 256 KiB": ["--record-size=262144"],
    "other order, records of 64 KiB": [OTHER, "--record-size=65536"],
}
EXCHANGES = {
    "SXI": ["--sxi"],
    "SXI in the other order": ["--sxi", OTHER],
}
# The first version of the log has records of 32 KiB at most.
SMALL = {
    "other order": [OTHER],
    "records of 16 KiB": ["--record-size=16384"],
    "other order, records of 16 KiB": [OTHER, "--record-size=16384"],
}


def compose(verb, image, *words):
    done = subprocess.run([TOOL, verb, image, *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise CannotJudge("compose_tool %s %s: %s" % (verb, " ".join(words), done.stdout.strip()))
    return done.stdout


class Copy:
    """A shipped image, to be recovered in one form."""

    def __init__(self, name, folder, label):
        packed = os.path.join(shipped_oracle.IMAGES, name + ".img.gz")
        self.disk = Disk(os.path.join(folder, label.replace(" ", "-") + ".img"))
        court.unpack(packed, self.disk.image)
        self.realtime = None
        if os.path.exists(packed.replace(".img.gz", ".rt.img.gz")):
            self.realtime = self.disk.image + ".rt"
            court.unpack(packed.replace(".img.gz", ".rt.img.gz"), self.realtime)

    def words(self):
        return ["--rt-dev", self.realtime] if self.realtime else []

    def recover(self):
        """What is wrong, or None."""
        done = logs.xfsx("recover", self.disk.image, *self.words())
        if done.returncode:
            return "recover: status %d: %s" % (done.returncode, done.stderr.strip()[-600:])
        if not self.realtime and disks.log_is_clean(self.disk) is not True:
            return "xfs_logprint does not call the log clean"
        return None

    def inodes(self):
        """{path: what xfsx says of it}."""
        done = logs.xfsx("--json", "ls", "-lR", self.disk.image, "/", *self.words())
        if done.returncode:
            raise CannotJudge("ls: " + done.stderr.strip()[-600:])
        return {entry.get("path", "") + "/" + entry["name"]: entry
                for entry in json.loads(done.stdout)["entries"]}

    def contents(self):
        """{path: hash} of every file and link."""
        tree = self.disk.image + ".tree"
        logs.xfsx("--quiet", "extract", self.disk.image, "/", tree, *self.words())
        found = {}
        for folder, _, names in os.walk(os.fsencode(tree)):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.islink(path):
                    found[path[len(tree):]] = os.readlink(path)
                elif os.path.isfile(path):
                    with open(path, "rb") as file:
                        found[path[len(tree):]] = hashlib.sha256(file.read()).hexdigest()
        shutil.rmtree(tree)
        return found

    def remove(self):
        self.disk.remove()
        if self.realtime:
            os.unlink(self.realtime)


def different(wanted, found):
    """What differs in the first of the entries that do, or None."""
    if wanted.keys() != found.keys():
        return "names: %s" % sorted(wanted.keys() ^ found.keys())[:4]
    for path, entry in wanted.items():
        if entry != found[path]:
            return "%s: %s, not %s" % (path, found[path], entry)
    return None


class Image:
    """One image and what its own log makes of it."""

    def __init__(self, name, folder, repairs):
        self.name, self.folder, self.repairs = name, folder, repairs
        with open(os.path.join(shipped_oracle.IMAGES, name + ".json"), encoding="utf-8") as file:
            told = json.load(file)
        self.version4 = told["superblock"]["versionnum"] & 15 == 4
        self.small = told["superblock"]["versionnum"] & 0x400 == 0
        original = Copy(name, folder, "original")
        pending = logs.Pending(original.disk, *original.words())
        self.new_times = pending.renamed
        self.exchanges = pending.open["XMI"] > 0
        self.linux = None
        if not (self.version4 or original.realtime or shipped_oracle.why_no_mount()):
            self.linux = by_linux(original)
        wrong = original.recover()
        if wrong:
            raise Unfinished(wrong)
        self.inodes, self.contents = original.inodes(), original.contents()
        self.bytes = digest(original.disk.image)
        original.remove()

    def variants(self):
        forms = dict(SMALL if self.small else VARIANTS)
        return {**forms, **EXCHANGES} if self.exchanges else forms

    def judge(self, label, words, keep):
        """What is wrong with the image in one form."""
        copy = Copy(self.name, self.folder, label)
        compose("relog", copy.disk.image, *words)
        wrong = []
        if self.linux:
            wrong += self.judge_linux(copy, OTHER in words, "--sxi" in words)
        failed = copy.recover()
        if failed:
            wrong.append(failed)
        else:
            wrong += self.compare(copy)
        if wrong and keep:
            os.makedirs(keep, exist_ok=True)
            shutil.copy(copy.disk.image, os.path.join(keep, "%s-%s.img" % (
                self.name, label.replace(" ", "-"))))
        copy.remove()
        return wrong

    def compare(self, copy):
        wrong = []
        for what, wanted, found in (("inodes", self.inodes, copy.inodes()),
                                    ("contents", self.contents, copy.contents())):
            said = different(wanted, found)
            if said:
                wrong.append("%s: %s" % (what, said[:800]))
        _, said = xfsprogs.repair_complaints(copy.disk.image, self.repairs, "after recovery",
                                             copy.realtime)
        if digest(copy.disk.image) != self.bytes:
            wrong.append("bytes outside the log differ")
        return wrong + said

    def judge_linux(self, copy, other, sxi):
        if sxi:
            return []               # it knows no such item
        theirs = by_linux(copy)
        if other:
            return [] if theirs.error else ["Linux has not refused the other byte order"]
        if theirs.problem():
            return ["Linux: " + theirs.problem()]
        wrong, _ = looks.differences(self.linux.seen, theirs.seen, self.new_times)
        return ["Linux, from the log written anew: " + one for one in wrong[:3]]


def digest(image):
    """Of all bytes but the log and what tells of it."""
    whole = hashlib.sha256()
    for at, data in known.pieces(image):
        whole.update(b"%d:" % at)
        whole.update(data)
    return whole.digest()


def by_linux(copy):
    """What the running kernel makes of a copy of the disk."""
    theirs = copy.disk.copy(copy.disk.image + ".linux")
    messages = linux.KernelMessages()
    try:
        return disks.Recovered(theirs, messages, lambda root: looks.Look(root, manifest.Hashes()))
    finally:
        messages.close()
        theirs.remove()


class Unfinished(Exception):
    """xfsx does not recover the image as Linux left it: there is nothing to compare with."""


def judge(name, folder, repairs, keep):
    try:
        image = Image(name, folder, repairs)
    except Unfinished as error:
        results.failed("recovered %s in other forms" % name, str(error))
        return False
    good = True
    for label, words in image.variants().items():
        wrong = image.judge(label, words, keep)
        title = "recovered %s, %s" % (name, label)
        if wrong:
            results.failed(title, " | ".join(wrong))
            good = False
        else:
            results.passed(title)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep the images of what fails")
    arguments = parser.parse_args()
    repairs = xfsprogs.repairs()
    good = True
    for name in arguments.names or shipped_oracle.dirty_images():
        folder = tempfile.mkdtemp(prefix="xfsx-relog.", dir=linux.scratch_directory())
        try:
            good = judge(name, folder, repairs, arguments.keep) and good
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotJudge as error:
        print("relog_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
