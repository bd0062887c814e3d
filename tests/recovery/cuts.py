"""Power cuts while xfsx recovers: one dirty disk, and what becomes of the disks that they leave."""
import contextlib
import os
import queue
import shutil
import subprocess
import tempfile
import threading

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
LOOK_AGAIN = 100        # one of so many disks is looked at although an equal one is known
BY_PROGRAM = 4          # one of so many is recovered by `xfsx recover` itself, as a file
MOST = 12               # failures of an image, after which it is given up
WORKERS = 2             # a mount waits more than it works, but much is done in Python
SLOTS = 4


class Figures:
    """What was found of the states of one image."""

    def __init__(self):
        self.states = self.after = self.prefixes = self.all_prefixes = self.looked_at = 0
        self.by_program = self.refused = self.outcomes = 0
        self.home_first = False
        self.failed = []

    def told(self):
        text = ("%d states (%d of %d prefixes), %d of them after the commit, %d outcomes of xfsx, "
                "%d looked at in full, %d by the program, %d failed" % (
                    self.states, self.prefixes, self.all_prefixes, self.after, self.outcomes,
                    self.looked_at, self.by_program, len(self.failed)))
        if self.home_first:
            text += "; blocks went home first"
        return text + ("; Linux refused %d before the commit, xfsx none" % self.refused
                       if self.refused else "")


class Target:
    """A dirty disk: a shipped image, a seed of dirty.py, or a path."""

    def __init__(self, name, scratch, ending=None):
        path = os.path.join(scratch, "dirty.img")
        self.realtime, self.mountable = None, True
        if os.path.exists(name):
            log = name + ".log" if os.path.exists(name + ".log") else None
            self.disk, self.words = Disk(name, log).copy(path), "kept"
        elif name.isdigit():
            self.disk, self.words = dirty.build(int(name), path, ending)
        else:
            self._unpack(name, path)

    def _unpack(self, name, path):
        packed = os.path.join(shipped_oracle.IMAGES, name + ".img.gz")
        court.unpack(packed, path)
        told = manifest.load(packed.replace(".img.gz", ".json"))
        if "rt_bytes" in told:
            self.realtime = path + ".rt"
            court.unpack(packed.replace(".img.gz", ".rt.img.gz"), self.realtime)
        version4 = told["superblock"]["versionnum"] & 15 == 4
        self.disk, self.words = Disk(path), "shipped"
        self.mountable = not self.realtime and not version4

    def more(self):
        return ["--rt-dev", self.realtime] if self.realtime else []

    def remove(self):
        self.disk.remove()
        if self.realtime:
            os.unlink(self.realtime)


class Cuts:
    """The states of the recovery of one dirty disk."""

    def __init__(self, run, target, options, by_program=BY_PROGRAM):
        self.run, self.target, self.disk, self.options = run, target, target.disk, options
        self.by_program_each = by_program
        self.renamed = logs.Pending(self.disk, *target.more()).renamed
        self.known = {"Linux": KnownDisks(), "xfsx": KnownDisks()}
        self.good = set()       # outcomes of xfsx that have been looked at
        self.figures = Figures()
        self.lock, self.error = threading.Lock(), None
        self.todo = queue.Queue()

    def path(self, name):
        return os.path.join(self.run.scratch, name)

    def command(self, *more):
        return [STATES, self.disk.image, *self.disk.words(), *self.target.more(), *self.options,
                *more]

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
        if self.target.mountable:
            self.undisturbed()
        self.maker = subprocess.Popen(
            self.command("--outcomes", "--slots", self.run.scratch, "--slot-count", str(SLOTS)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        workers = [threading.Thread(target=self.work) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        try:
            whole = self.follow()
        finally:
            for _ in workers:
                self.todo.put(None)
            for worker in workers:
                worker.join()
            if self.maker.poll() is None:
                with contextlib.suppress(BrokenPipeError):
                    self.maker.stdin.close()
            self.maker.stdout.close()
            status = self.maker.wait()
            self.clear()
        if self.error:
            raise CannotJudge(str(self.error)) from self.error
        if whole and status:
            raise CannotJudge("xfsx_recover_states ended with status %d" % status)
        return self.figures

    def clear(self):
        for name in os.listdir(self.run.scratch):
            if name.startswith("outcome-"):
                os.unlink(self.path(name))

    def follow(self):
        """False if there were too many failures."""
        why = ""
        for line in self.maker.stdout:
            kind, rest = line.rstrip("\n").split(" ", 1)
            words = rest.split()
            if kind == "disk":
                self.bytes, self.log_bytes = int(words[0]), int(words[1])
                self.figures.home_first = words[2] == "1"
            elif kind == "recording":
                self.figures.prefixes, self.figures.all_prefixes = int(words[4]), int(words[5])
            elif kind == "failed":
                why = rest
            elif kind == "state":
                slot, expect, name = words
                expect, outcome = expect.split(":")
                self.figures.states += 1
                self.figures.after += expect == "after"
                self.todo.put((self.figures.states, slot, expect, name,
                               why if outcome == "-" else int(outcome)))
            if len(self.figures.failed) >= MOST or self.error:
                self.maker.kill()
                return False
        return True

    def work(self):
        try:
            messages = linux.KernelMessages()
            try:
                while (item := self.todo.get()) is not None:
                    if not self.error:
                        self.judge_state(messages, *item)
            finally:
                messages.close()
        except Exception as error:      # noqa: BLE001; told by the main thread
            self.error = error
            self.maker.kill()

    def judge_state(self, messages, number, slot, expect, name, outcome):
        for problem in self.problems(messages, number, self.path(slot + ".img"), expect, outcome):
            with self.lock:
                self.figures.failed.append(name)
            print("    %s: %s" % (name, problem), flush=True)
        with self.lock, contextlib.suppress(BrokenPipeError):
            self.maker.stdin.write(slot + "\n")     # after the last state nobody waits for it
            self.maker.stdin.flush()

    def problems(self, messages, number, slot, expect, outcome):
        """What is wrong with one state."""
        again = number % LOOK_AGAIN == 0
        if isinstance(outcome, str):
            yield "xfsx: " + outcome
        else:
            yield from self.outcome(messages, outcome)
        if not self.target.mountable:
            return
        ours = None
        if number % self.by_program_each == 0:
            ours = self.split(slot, "ours-%d.img" % number)
        theirs = self.split(slot, "theirs-%d.img" % number) if self.log_bytes else Disk(slot)
        try:
            yield from self.by_linux(messages, theirs, expect, again)
            if ours:
                yield from self.by_program(messages, ours, again)
        finally:
            for disk in (ours, theirs if self.log_bytes else None):
                if disk:
                    disk.remove()

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

    def by_linux(self, messages, disk, expect, again):
        found = Recovered(disk, messages)
        if expect == "xfsx" and found.problem():
            with self.lock:
                self.figures.refused += 1
        elif found.problem():
            yield "Linux: " + found.problem()
        else:
            yield from self.see(messages, disk, "Linux", again)

    def by_program(self, messages, disk, again):
        """`xfsx recover` of a file, whose log must be clean for others too."""
        with self.lock:
            self.figures.by_program += 1
        done = logs.xfsx("recover", disk.image, *disk.words())
        if done.returncode:
            yield "xfsx: " + recover_oracle.said(done)
            return
        if disks.log_is_clean(disk) is not True:
            yield "xfsx: xfs_logprint does not call the log clean"
        yield from self.see(messages, disk, "xfsx", again)

    def outcome(self, messages, number):
        """What xfsx made of a state in memory; each different disk once."""
        with self.lock:
            if number in self.good:
                return
            self.good.add(number)
            self.figures.outcomes = max(self.figures.outcomes, number + 1)
        path = self.path("outcome-%d.img" % number)
        if not self.target.mountable:
            if number:
                yield "xfsx: ends in another filesystem than before"
            yield from self.repaired(path)
            return
        disk = self.split(path, "outcome.%d.img" % number)
        try:
            if disks.log_is_clean(disk) is not True:
                yield "xfsx: xfs_logprint does not call the log clean"
            yield from self.see(messages, disk, "xfsx", True)
        finally:
            disk.remove()

    def repaired(self, path):
        """What xfs_repair says of a disk that no kernel here mounts."""
        realtime = None
        if self.target.realtime:
            realtime = path + ".rt"
            with open(path, "rb") as source, open(realtime, "wb") as target:
                source.seek(self.bytes + self.log_bytes)
                shutil.copyfileobj(source, target, 1 << 20)
            os.truncate(path, self.bytes)
        _, bad = xfsprogs.repair_complaints(path, self.run.repairs, "xfsx", realtime)
        yield from bad

    def see(self, messages, disk, who, again):
        """Whether Linux finds what it should find, on a disk that WHO recovered."""
        if not again and self.known[who].find(disk.image):
            return
        with self.lock:
            self.figures.looked_at += 1
        before = disk.copy(disk.image + ".before")
        try:
            _, bad = xfsprogs.repair_complaints(disk.image, self.run.repairs, who, log=disk.log)
            found = Recovered(disk, messages, self.run.look)
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

    def close(self):
        self.messages.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
