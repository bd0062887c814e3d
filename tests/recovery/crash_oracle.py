#!/usr/bin/env python3
"""Power cuts while xfsx recovers: each disk that is left must recover to the same filesystem.

crash_oracle.py NAME... [--sample N] [--subsets N] [--keep DIRECTORY]
crash_oracle.py NAME --replay ID --state FILE

NAME is a shipped image, a seed of dirty.py, or the path of a dirty image (beside it IMAGE.log, if
its log is external); a seed does not make the same image twice, so replay what was kept.
xfsx_recover_states records the writes of a recovery and makes the disks: each prefix of what was
written since a flush, and seeded subsets, in sectors.
Each is recovered by Linux and, as a copy, by xfsx. Linux must then show what it shows after a
recovery that nothing disturbed, and say nothing; where the log was so full that blocks had to go
home first, Linux may refuse a disk (decision 19), but not xfsx. Disks that come out equal are
looked at once. XFSX and XFSX_RECOVER_STATES are the programs (build/gcc).

exit status: 0 all is as it should be   1 something is not   2 could not judge
"""
import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import dirty
import disks
import logs
import looks
import recover_oracle
import shipped_oracle
from disks import Disk, Recovered, linux, xfsprogs
from judging import court, manifest
from judging.errors import CannotJudge
from judging.known import KnownDisks

STATES = os.environ.get("XFSX_RECOVER_STATES") or os.path.join(
    disks.ROOT, "build", "gcc", "tests", "xfsx_recover_states")
LOOK_AGAIN = 40         # one of so many disks is looked at although an equal one is known
MOST = 12               # failures of an image, after which it is given up


class Outcome:
    """What becomes of the disks of one image."""

    def __init__(self):
        self.states = self.after = self.equal = self.refused = 0
        self.failed = []

    def told(self):
        text = "%d states, %d of them after the commit, %d looked at in full, %d failed" % (
            self.states, self.after, 2 * self.states - self.equal, len(self.failed))
        return text + ("; Linux refused %d before it, xfsx none" % self.refused
                       if self.refused else "")


class Cuts:
    """One dirty disk, and the states of its recovery."""

    def __init__(self, run, disk, options):
        self.run, self.disk, self.options = run, disk, options
        self.renamed = logs.Pending(disk).renamed
        self.known = {"Linux": KnownDisks(), "xfsx": KnownDisks()}
        self.outcome = Outcome()

    def path(self, name):
        return os.path.join(self.run.scratch, name)

    def command(self, *more):
        return [STATES, self.disk.image, *self.disk.words(), *self.options, *more]

    def split(self, image, name):
        """The Disk of a slot's file, as copies."""
        disk = Disk(self.path(name), self.path(name) + ".log" if self.log_bytes else None)
        linux.sparse_copy(image, disk.image)
        if disk.log:
            with open(disk.image, "rb") as source, open(disk.log, "wb") as log:
                source.seek(self.bytes)
                shutil.copyfileobj(source, log, 1 << 20)
            os.truncate(disk.image, self.bytes)
        return disk

    def undisturbed(self):
        """What Linux shows of a recovery that was not cut off."""
        disk = self.disk.copy(self.path("whole.img"))
        try:
            done = logs.xfsx("recover", disk.image, *disk.words())
            if done.returncode:
                raise CannotJudge("recover: " + recover_oracle.said(done))
            found = Recovered(disk, self.run.messages, self.run.look)
            if found.problem() or found.replayed:
                raise CannotJudge("Linux, of an undisturbed recovery: %s" % (
                    found.problem() or "there was something to recover"))
            self.want = found.seen
        finally:
            disk.remove()

    def judge(self):
        self.undisturbed()
        maker = subprocess.Popen(self.command("--slots", self.run.scratch, "--slot-count", "1"),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        whole = False
        try:
            whole = self.follow(maker)
        finally:
            if not whole:
                maker.kill()
            with contextlib.suppress(BrokenPipeError):
                maker.stdin.close()
            maker.stdout.close()
            status = maker.wait()
        if whole and status:
            raise CannotJudge("xfsx_recover_states ended with status %d" % status)
        return self.outcome

    def follow(self, maker):
        """False if there were too many failures."""
        for line in maker.stdout:
            kind, *words = line.split()
            if kind == "disk":
                self.bytes, self.log_bytes = int(words[0]), int(words[1])
            if kind != "state":
                continue
            slot, expect, name = words
            for problem in self.state(self.path(slot + ".img"), expect):
                self.outcome.failed.append(name)
                print("    %s: %s" % (name, problem), flush=True)
            if len(self.outcome.failed) >= MOST:
                return False
            # After the last state nobody waits for its slot.
            with contextlib.suppress(BrokenPipeError):
                maker.stdin.write(slot + "\n")
                maker.stdin.flush()
        return True

    def state(self, image, expect):
        """What is wrong with one state."""
        self.outcome.states += 1
        self.outcome.after += expect == "after"
        ours, theirs = self.split(image, "ours.img"), self.split(image, "theirs.img")
        try:
            yield from self.by_linux(theirs, expect)
            yield from self.by_xfsx(ours)
        finally:
            ours.remove()
            theirs.remove()

    def by_linux(self, disk, expect):
        found = Recovered(disk, self.run.messages)
        if expect == "xfsx" and found.problem():
            self.outcome.refused += 1
        elif found.problem():
            yield "Linux: " + found.problem()
        else:
            yield from self.see(disk, "Linux")

    def by_xfsx(self, disk):
        done = logs.xfsx("recover", disk.image, *disk.words())
        if done.returncode:
            yield "xfsx: " + recover_oracle.said(done)
            return
        if disks.log_is_clean(disk) is not True:
            yield "xfsx: xfs_logprint does not call the log clean"
        yield from self.see(disk, "xfsx")

    def see(self, disk, who):
        """Whether Linux finds what it should find, on a disk that WHO recovered."""
        if self.outcome.states % LOOK_AGAIN and self.known[who].find(disk.image):
            self.outcome.equal += 1
            return
        before = disk.copy(self.path("before.img"))
        try:
            _, bad = xfsprogs.repair_complaints(disk.image, self.run.repairs, who, log=disk.log)
            found = Recovered(disk, self.run.messages, self.run.look)
            if found.problem() or found.replayed:
                bad.append("then Linux: " + (found.problem() or "something to recover is left"))
            if found.seen:
                bad += looks.differences(self.want, found.seen, self.renamed)[0][:6]
            if bad:
                yield "recovered by %s: %s" % (who, "; ".join(bad)[:1500])
            else:
                self.known[who].add(before.image, who)
        finally:
            before.remove()


class Run:
    def __init__(self):
        disks.need_linux()
        self.messages = linux.KernelMessages()
        self.repairs = xfsprogs.repairs()
        self.hashes = manifest.Hashes()
        self.scratch = tempfile.mkdtemp(prefix="xfsx-cuts.", dir=linux.scratch_directory())

    def look(self, root):
        return looks.Look(root, self.hashes)

    def dirty(self, name):
        """(Disk, words) of a seed or of a shipped image."""
        path = os.path.join(self.scratch, "dirty.img")
        if os.path.exists(name):
            log = name + ".log" if os.path.exists(name + ".log") else None
            return Disk(name, log).copy(path), "kept"
        if name.isdigit():
            return dirty.build(int(name), path)
        court.unpack(os.path.join(shipped_oracle.IMAGES, name + ".img.gz"), path)
        return Disk(path), "shipped"

    def close(self):
        self.messages.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def replay(cuts, name, file):
    return subprocess.run(cuts.command("--replay", name, "--keep", file), check=False).returncode


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--sample", type=int, default=60, help="states of all (0: all)")
    parser.add_argument("--subsets", type=int, default=20, help="for each prefix")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of states")
    parser.add_argument("--replay", metavar="ID", help="make this state again")
    parser.add_argument("--state", metavar="FILE", default="state.img", help="for --replay")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep dirty images with failing states")
    return parser.parse_args()


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, recover_oracle.end)
    options = ["--seed", str(arguments.seed), "--subsets", str(arguments.subsets),
               "--sample", str(arguments.sample)]
    run, good = Run(), True
    try:
        for name in arguments.names:
            began = time.monotonic()
            disk, words = run.dirty(name)
            cuts = Cuts(run, disk, options)
            if arguments.replay:
                return replay(cuts, arguments.replay, arguments.state)
            outcome = cuts.judge()
            if outcome.failed and arguments.keep:
                os.makedirs(arguments.keep, exist_ok=True)
                disk.copy(os.path.join(arguments.keep, "cuts-%s.img" % os.path.basename(name)))
            disk.remove()
            good = good and not outcome.failed
            print("%s %s: %s; %s; %.0f s" % ("FAILED" if outcome.failed else "ok", name, words,
                                             outcome.told(), time.monotonic() - began), flush=True)
    finally:
        run.close()
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotJudge as error:
        print("crash_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(2)
