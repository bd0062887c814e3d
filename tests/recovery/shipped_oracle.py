#!/usr/bin/env python3
"""The shipped images whose logs are dirty, recovered by xfsx and held against their manifests.

shipped_oracle.py [NAME...] [--keep DIRECTORY] [--vm]       without a name, all

The manifest of such an image says what was in it after Linux had recovered it. A copy is
recovered; then its log is clean, each xfs_repair -n that knows the features is silent, every
reading verb of xfsx says what the manifest says, and where the running kernel knows the features,
the project's judge agrees, the counters included. Needs no root where it stops there. With --vm a
kernel of tests/oracle/vm mounts and scrubs the others too, which are of version 4 or have realtime
devices.

XFSX and XFSX_RECOVER: as for recover_oracle.py. Prints `PASS name`, `FAIL name: why` and
`SKIP name: why`, a line each; exit status 1 if anything failed.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import disks
import logs
import machine
import recover_oracle
import results
import space
from disks import Disk, linux, xfsprogs
from judging import court, manifest
from judging.errors import CannotJudge

IMAGES = os.path.join(disks.ROOT, "images")
TAIL = 1500


def dirty_images():
    found = []
    for name in sorted(os.listdir(IMAGES)):
        if name.endswith(".json"):
            told = manifest.load(os.path.join(IMAGES, name))
            if told["log"] == "dirty" and told.get("entries"):
                found.append(name[:-len(".json")])
    return found


class Shipped:
    """One image, recovered in a folder that reading tests take for a collection of images."""

    def __init__(self, name, scratch):
        self.name, self.folder = name, tempfile.mkdtemp(dir=scratch)
        self.packed = os.path.join(IMAGES, name + ".img.gz")
        self.told_in = os.path.join(IMAGES, name + ".json")
        self.told = manifest.load(self.told_in)
        self.disk = Disk(os.path.join(self.folder, name + ".img"))
        court.unpack(self.packed, self.disk.image)
        self.realtime = None
        if "rt_bytes" in self.told:
            self.realtime = os.path.join(self.folder, name + ".rt.img")
            court.unpack(self.packed.replace(".img.gz", ".rt.img.gz"), self.realtime)
        # Linux gives inodes new times when it changes the parents that they remember.
        self.new_times = set()
        self.wrong = []

    def words(self):
        return ["--rt-dev", self.realtime] if self.realtime else []

    def version4(self):
        return self.told["superblock"]["versionnum"] & 15 == 4

    def by_running_kernel(self):
        """Whether the running kernel can mount it."""
        return not self.realtime and not self.version4()

    def recover(self):
        """Whether it ended well."""
        self.new_times = logs.Pending(self.disk, *self.words()).renamed
        if recover_oracle.STAND_IN:
            done = recover_oracle.recover(self.disk)
        else:
            done = logs.xfsx("recover", self.disk.image, *self.words())
        if done.returncode != 0:
            self.wrong.append("recover: " + recover_oracle.said(done))
        return done.returncode == 0

    def at_rest(self, repairs):
        if not self.realtime and disks.log_is_clean(self.disk) is not True:
            self.wrong.append("xfs_logprint does not call the log clean")
        asked, found = xfsprogs.repair_complaints(self.disk.image, repairs, "after recovery",
                                                  self.realtime)
        self.wrong += found
        self.unknown = bool(repairs) and not asked
        if not self.version4():
            self.wrong += space.Space(self.disk.image).leftovers()

    def tell_clean(self):
        """A manifest beside the image that says of it what must be so now."""
        told = dict(self.told, log="clean")
        for entry in told["entries"]:
            if entry["ino"] in self.new_times and "ctime_ns" in entry:
                entry["ctime_ns"] = self.changed(entry)
        with open(os.path.join(self.folder, self.name + ".json"), "w", encoding="utf-8") as out:
            json.dump(told, out)

    def changed(self, entry):
        said = logs.xfsx("--json", "stat", self.disk.image, "inode:%d" % entry["ino"])
        when = json.loads(said.stdout)["status"]["changed"]
        return int(when["sec"]) * 10**9 + when["nsec"]

    def read(self):
        """What xfsx reads now."""
        self.tell_clean()
        done = subprocess.run([sys.executable, "-B", "-m", "unittest", "test_manifests"],
                              cwd=os.path.join(disks.ROOT, "tests", "cli"),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False,
                              env={**os.environ, "XFSX": logs.XFSX, "XFSX_IMAGES": self.folder})
        if done.returncode:
            self.wrong.append("reading verbs: " + done.stdout[-TAIL:])

    def judge(self):
        """By the running kernel; the counters are those after its own recovery."""
        theirs = Disk(os.path.join(self.folder, "theirs"))
        court.unpack(self.packed, theirs.image)
        with disks.Mounted(theirs) as m:
            if not m.mounted:
                raise CannotJudge("%s: Linux: %s" % (self.name, m.error))
            m.unmount()
        told_in = os.path.join(self.folder, "told")
        with open(told_in, "w", encoding="utf-8") as out:
            json.dump(dict(self.told, superblock=manifest.superblock(theirs.image)), out)
        command = [os.path.join(disks.ROOT, "tests", "oracle", "judge"), self.disk.image,
                   "--manifest", told_in, "--expect-clean", "--base", theirs.image]
        if self.new_times:
            command += ["--ignore", "ctime_ns"]
        self.check(command, "judge")

    def in_machine(self, kernel):
        realtime = ["--rt", self.realtime] if self.realtime else []
        self.check([os.path.join(disks.ROOT, "tests", "oracle", "vm", "vm-judge"),
                    self.disk.image, *realtime, "--kernel", kernel, "--scrub=both",
                    "--no-manifest"], "kernel " + kernel)

    def check(self, command, what):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode:
            self.wrong.append("%s: status %d: %s" % (what, done.returncode, done.stdout[-TAIL:]))

    def keep(self, directory):
        if directory:
            os.makedirs(directory, exist_ok=True)
            shutil.copy(self.disk.image, os.path.join(directory, self.name + "-ours.img"))


def why_no_mount():
    try:
        disks.need_linux()
    except CannotJudge as error:
        return "needs root" if os.geteuid() else str(error)
    return None


def kernel_of_machine():
    """The debug kernel, which boots at once, or one of a distribution, or None."""
    return (machine.debug_kernels() or machine.stock_kernels() or [None])[0]


def judge(name, scratch, arguments, repairs):
    image = Shipped(name, scratch)
    title = "recovered " + name
    try:
        reason = why_no_mount()
        if recover_oracle.STAND_IN and not image.by_running_kernel():
            results.skipped(title, "no debug kernel")
            return True
        if image.recover():
            image.at_rest(repairs)
            image.read()
            if image.unknown:       # the judge wants an xfs_repair too
                reason = "xfsprogs 7.2 or later is not here"
            elif not image.by_running_kernel():
                reason = reason or by_machine(image, arguments)
            elif not reason:
                image.judge()
        if image.wrong:
            image.keep(arguments.keep)
            results.failed(title, " | ".join(image.wrong))
        elif reason:
            results.skipped(title + " - by Linux", reason)
            results.passed(title)
        else:
            results.passed(title)
        return not image.wrong
    finally:
        shutil.rmtree(image.folder, ignore_errors=True)


def by_machine(image, arguments):
    """Why no kernel has judged it, or None."""
    kernel = kernel_of_machine()
    if not arguments.vm and not machine.debug_kernels():
        return "no debug kernel"
    if not kernel:
        return "no virtual machine"
    image.in_machine(kernel)
    return None


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep the images of what fails")
    parser.add_argument("--vm", action="store_true", help="where there is no debug kernel, let a "
                        "kernel in a virtual machine judge what the running one cannot")
    return parser.parse_args()


def main():
    arguments = parse()
    repairs = xfsprogs.repairs()
    scratch = tempfile.mkdtemp(prefix="xfsx-shipped.", dir=linux.scratch_directory())
    good = True
    try:
        for name in arguments.names or dirty_images():
            good = judge(name, scratch, arguments, repairs) and good
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotJudge as error:
        print("shipped_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
