#!/usr/bin/env python3
"""Dirty images of the running kernel, recovered by Linux and by xfsx, and compared.

recover_oracle.py SEED... [--keep DIRECTORY]     seeds or ranges of seeds, such as 1-20
recover_oracle.py SEED... --power N              N power cuts of each seed (power.py)
recover_oracle.py --image IMAGE [--log-dev LOG]  an image that is there already
recover_oracle.py --campaign [--seconds S]       many seeds; a run goes on where the last ended

For each image: `xfsx recover --dry-run` changes no byte; `xfsx recover` ends with 0 and leaves a
clean log, no unlinked inode, no block taken for a copy; each xfs_repair -n that knows the features
is silent; Linux mounts it without recovery or complaint and shows the same files, bytes, mappings,
attributes, times and generations as on a copy that it recovered itself; the counters are the same.
Before, reading verbs showed of the dirty image what they show of the recovered one. A second
recovery changes nothing. Where the log is external, a recovery with --undo is taken back, which
leaves both devices as they were. With --scrub the debug kernel's scrub is silent too.

XFSX is the program (build/gcc/cli/xfsx). XFSX_RECOVER is a command that stands in for
`xfsx recover`; what only xfsx can do is left out then. XFSX_ORACLE_TMP is where images are made.

exit status: 0 all as they should be   1 some are not   2 could not judge
"""
import argparse
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

import campaign
import dirty
import disks
import logs
import looks
import power
import space
from disks import Disk, Recovered, linux, xfsprogs
from judging import manifest
from judging.errors import CannotJudge

CAMPAIGN = (1800, 200)  # seeds of shutdowns and of power cuts
CUTS = 6                # of each seed of power cuts in a campaign
FILES_READ = 6          # through `xfsx cat` from the dirty image
STAND_IN = os.environ.get("XFSX_RECOVER")
TAIL = 1200


def said(done):
    return "status %d: %s" % (done.returncode,
                              ((done.stdout or "") + (done.stderr or "")).strip()[:TAIL])


def recover(disk, *options):
    if STAND_IN:
        return subprocess.run([*shlex.split(STAND_IN), disk.image, *disk.words()],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace", check=False)
    return logs.xfsx("recover", disk.image, *disk.words(), *options)


class Judged:
    """One dirty disk: what is wrong with what xfsx makes of it."""

    def __init__(self, court, disk):
        self.court, self.disk = court, disk
        self.wrong, self.notes = [], []
        self.pending = logs.Pending(disk)
        self.ours = self.theirs = None

    def fail(self, *lines):
        self.wrong += lines

    def judge(self):
        if self.pending.error:
            self.fail(self.pending.error)
        if not STAND_IN:
            self.without_writing()
            if self.disk.log:
                self.taken_back()
        self.by_linux()
        self.by_xfsx()
        return self

    def path(self, name):
        return os.path.join(self.court.scratch, name)

    def without_writing(self):
        before = self.disk.digest()
        done = recover(self.disk, "--dry-run")
        if done.returncode != 0:
            self.fail("recover --dry-run: " + said(done))
        self.listed = logs.xfsx("ls", "-lR", self.disk.image, *self.disk.words(), text=False)
        if self.disk.digest() != before:
            self.fail("recover --dry-run or ls changed the image")

    def taken_back(self):
        """Recovery with an undo file, and its undo: both devices are as they were."""
        disk, file = self.disk.copy(self.path("back.img")), self.path("undo")
        try:
            done = recover(disk, "--undo", file)
            if done.returncode != 0:
                self.fail("recover --undo: " + said(done))
                return
            if disks.log_is_clean(disk) is not True:
                self.fail("xfs_logprint does not call the log clean after recover --undo")
            done = logs.xfsx("undo", disk.image, *disk.words(), file)
            if done.returncode != 0:
                self.fail("undo: " + said(done))
            elif disk.digest() != self.disk.digest():
                self.fail("undo does not leave what was there before recover --undo")
        finally:
            disk.remove()
            if os.path.exists(file):
                os.unlink(file)

    def by_linux(self):
        """A copy that Linux has recovered and unmounted twice."""
        self.theirs = self.disk.copy(self.path("theirs.img"))
        first = self.court.recovered(self.theirs, looking=True)
        self.their_look = first.seen
        if first.problem():
            self.notes.append("Linux's own recovery: " + first.problem())
            if first.error:
                return
        if not first.replayed:
            self.notes.append("Linux found nothing to recover")
        self.court.recovered(self.theirs)
        self.their_complaints = self.repair(self.theirs, "of Linux's")

    def repair(self, disk, when):
        """The lines that any xfs_repair -n has to say."""
        asked, found = xfsprogs.repair_complaints(disk.image, self.court.repairs, when,
                                                  disk.realtime, disk.log)
        if self.court.repairs and not asked:
            self.fail("no xfs_repair that is here knows the features")
        return {line.strip() for text in found for line in text.split("\n")[1:]} or \
            {text.split("\n")[0] for text in found}

    def by_xfsx(self):
        self.ours = self.disk.copy(self.path("ours.img"))
        began = time.monotonic()
        done = recover(self.ours)
        self.seconds = time.monotonic() - began
        if done.returncode != 0:
            self.fail("recover: " + said(done))
            return
        self.at_rest()
        mounted = self.court.recovered(self.ours, looking=True)
        if mounted.problem():
            self.fail(mounted.problem())
        if mounted.replayed:
            self.fail("Linux had something to recover still")
        if mounted.error:
            return
        self.compare(mounted.seen)
        self.court.recovered(self.ours)
        self.count(mounted.seen)
        self.complain("after the mounts")

    def complain(self, when):
        ours = self.repair(self.ours, when)
        theirs = self.their_complaints if self.their_look else set()
        if ours - theirs:
            self.fail("xfs_repair -n, %s: %s" % (when, "; ".join(sorted(ours - theirs)[:12])))
        if ours & theirs:
            self.notes.append("xfs_repair says the same of Linux's: "
                              + "; ".join(sorted(ours & theirs)[:4]))

    def at_rest(self):
        """The image as xfsx left it, before anybody mounts it."""
        if disks.log_is_clean(self.ours) is not (None if self.disk.realtime else True):
            self.fail("xfs_logprint does not call the log clean")
        self.complain("before the mount")
        if space.knows(self.ours.image):
            self.fail(*space.Space(self.ours.image).leftovers())
        if self.court.scrub:
            self.scrub()
        if STAND_IN:
            return
        before = self.ours.digest()
        again = recover(self.ours)
        if again.returncode != 0 or self.ours.digest() != before:
            self.fail("a second recover: %s, image %s" % (
                said(again), "unchanged" if self.ours.digest() == before else "changed"))
        listed = logs.xfsx("ls", "-lR", self.ours.image, *self.ours.words(), text=False)
        if listed.returncode != 0:
            self.fail("ls -lR afterwards: status %d" % listed.returncode)
        self.overlay(listed.stdout)

    def overlay(self, wanted):
        """What ls and cat showed while the image was dirty."""
        if self.listed.returncode != 0:
            self.fail("ls -lR of the dirty image: status %d: %s" % (
                self.listed.returncode, self.listed.stderr.decode(errors="replace")[:TAIL]))
        elif self.listed.stdout != wanted:
            self.fail("ls -lR of the dirty image differs: " + first_difference(
                wanted, self.listed.stdout))
        if not self.their_look:
            return
        files = looks.regular_files(self.their_look)
        for path, entry in files[::len(files) // FILES_READ + 1]:
            done = logs.xfsx("cat", self.disk.image, path, *self.disk.words(), text=False)
            if hashlib.sha256(done.stdout).hexdigest() != entry["sha256"]:
                self.fail("cat of the dirty image: %s: status %d, %d bytes of %d" % (
                    ascii(os.fsdecode(path)), done.returncode, len(done.stdout), entry["size"]))

    def scrub(self):
        program = os.path.join(disks.ROOT, "tests", "oracle", "vm", "vm-judge")
        more = ["--log", self.ours.log] if self.ours.log else []
        more += ["--rt", self.ours.realtime] if self.ours.realtime else []
        done = subprocess.run([program, self.ours.image, *more, "--kernel", "uml", "--scrub=both",
                               "--no-manifest", *self.court.machine_words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode:
            self.fail("debug kernel: status %d: %s" % (done.returncode, done.stdout[-TAIL:]))

    def compare(self, look):
        if not self.their_look:
            return
        found, notes = looks.differences(self.their_look, look, self.pending.renamed,
                                         self.pending.sizes)
        self.fail(*found[:20])
        if len(found) > 20:
            self.fail("... and %d more differences" % (len(found) - 20))
        self.notes += notes[:3]
        self.our_look = look

    def count(self, look):
        if not self.their_look or not space.knows(self.ours.image):
            return
        ours, theirs = space.Space(self.ours.image), space.Space(self.theirs.image)
        found, notes = space.differences(theirs, ours, self.their_look.used, look.used)
        self.fail(*found)
        self.notes += notes

    def keep(self, directory, name):
        """The images, for whoever mends it."""
        os.makedirs(directory, exist_ok=True)
        for disk, kind in ((self.disk, "dirty"), (self.theirs, "linux"), (self.ours, "ours")):
            if disk and os.path.exists(disk.image):
                disk.copy(os.path.join(directory, "%s-%s.img" % (name, kind)))

    def remove(self):
        for disk in (self.theirs, self.ours):
            if disk:
                disk.remove()


def first_difference(wanted, found):
    one, two = (text.decode(errors="replace").split("\n") for text in (wanted, found))
    for a, b in zip(one + [""], two + [""]):
        if a != b:
            return "recovered %r, dirty %r (%d and %d lines)" % (a, b, len(one), len(two))
    return "%d and %d lines" % (len(one), len(two))


class Court:
    """What is the same for all images of a run; the running kernel mounts them."""
    machine_words = ()

    def __init__(self, scrub=False):
        disks.need_linux()
        self.repairs = xfsprogs.choose("all")
        self.messages = linux.KernelMessages()
        self.scrub = scrub
        self.scratch = tempfile.mkdtemp(prefix="xfsx-recover.", dir=linux.scratch_directory())
        self.hashes = manifest.Hashes()

    def recovered(self, disk, looking=False):
        """Mounted and unmounted by Linux."""
        return Recovered(disk, self.messages, self.look if looking else None)

    def look(self, root):
        return looks.Look(root, self.hashes)

    def close(self):
        self.messages.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


class Tally:
    """What was met in a run."""

    def __init__(self):
        self.items, self.open, self.images, self.failed = Counter(), Counter(), 0, []
        self.wrapping = 0

    def add(self, name, judged):
        self.images += 1
        self.items += judged.pending.items
        self.open += judged.pending.open
        self.wrapping += judged.pending.wraps
        if judged.wrong:
            self.failed.append(name)

    def told(self):
        def listed(counts):
            return ", ".join("%s %d" % pair for pair in sorted(counts.items())) or "none"
        return "%d images, %d failed%s; %d logs wrapped; open intents: %s; items: %s" % (
            self.images, len(self.failed),
            " (%s)" % " ".join(self.failed) if self.failed else "", self.wrapping,
            listed(self.open), listed(self.items))


def judge(court, tally, name, disk, words, keep, judged_as=Judged):
    judged = judged_as(court, disk)
    try:
        judged.judge()
        tally.add(name, judged)
        verdict = "FAILED" if judged.wrong else "ok"
        told = judged.pending.told() if not judged.pending.error else ""
        print("%s %s: %s; %s" % (verdict, name, words, told), flush=True)
        for line in judged.wrong:
            print("    " + line, flush=True)
        for line in judged.notes:
            print("    note: " + line[:800], flush=True)
        if judged.wrong and keep:
            judged.keep(keep, name.replace(" ", "-"))
    finally:
        judged.remove()
    return judged


def judge_seed(court, tally, seed, keep):
    disk, words = dirty.build(seed, os.path.join(court.scratch, "dirty.img"))
    try:
        return judge(court, tally, "seed %d" % seed, disk, words, keep)
    finally:
        disk.remove()


def judge_power(court, tally, seed, keep, count):
    """Power cuts of one recording."""
    for number, (disk, words) in enumerate(power.states(seed, court.scratch, count)):
        judge(court, tally, "power %d.%d" % (seed, number), disk, words, keep)


def run_campaign(court, arguments):
    def judge_one(kind, seed):
        tally = Tally()
        if kind == campaign.KINDS[0]:
            judge_seed(court, tally, seed, arguments.keep)
        else:
            judge_power(court, tally, seed, arguments.keep, CUTS)
        return tally

    deadline = time.monotonic() + arguments.seconds if arguments.seconds else None
    failed, through = campaign.run(judge_one, dict(zip(campaign.KINDS, CAMPAIGN)), deadline)
    print("campaign: %d failed %s; see %s%s" % (
        len(failed), " ".join(failed), campaign.PAGE,
        "" if through else "; it goes on when it is run again"))
    return 1 if failed else 0


def seeds_of(words):
    for word in words:
        first, _, last = word.partition("-")
        yield from range(int(first), int(last or first) + 1)


def end(*_):
    """On SIGTERM: as after an interrupt, so that nothing stays mounted."""
    raise KeyboardInterrupt


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="*", metavar="SEED")
    parser.add_argument("--image", metavar="IMAGE", help="judge this one; it is only read")
    parser.add_argument("--log-dev", metavar="LOG", help="the external log of --image")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep the images of what fails")
    parser.add_argument("--campaign", action="store_true", help="many seeds, %d of shutdowns and "
                        "%d of power cuts; the figures go to docs/recovery-campaigns.md" % CAMPAIGN)
    parser.add_argument("--scrub", action="store_true", help="by the debug kernel, too")
    parser.add_argument("--power", type=int, metavar="N", help="power cuts, N of each seed, "
                        "instead of shutdowns")
    parser.add_argument("--seconds", type=float, help="begin no image after that")
    return parser.parse_args()


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, end)
    court, tally, began = Court(arguments.scrub), Tally(), time.monotonic()
    try:
        if arguments.campaign:
            return run_campaign(court, arguments)
        if arguments.image:
            judge(court, tally, os.path.basename(arguments.image),
                  Disk(arguments.image, arguments.log_dev), "", arguments.keep)
        for seed in seeds_of(arguments.seeds):
            if arguments.seconds and time.monotonic() - began > arguments.seconds:
                break
            if arguments.power:
                judge_power(court, tally, seed, arguments.keep, arguments.power)
            else:
                judge_seed(court, tally, seed, arguments.keep)
    finally:
        court.close()
    print("recovered: %s; %.0f s" % (tally.told(), time.monotonic() - began))
    return 1 if tally.failed or not tally.images else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotJudge as error:
        print("recover_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(2)
