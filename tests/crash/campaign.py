"""Runs xfsx_crash and hands the disks that it makes to judges, several at a time.

Linux recovers each disk as it mounts it. Where that is asked for, `xfsx recover` recovers a copy of
the disk first; the same judge must then find a clean log, and the same files, old or new.
"""
import datetime
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "oracle"))
from judging import court, linux        # noqa: E402

JUDGE = os.path.join(ROOT, "tests", "oracle", "judge")
IMAGES = os.path.join(ROOT, "images")
RECORD = os.path.join(ROOT, "docs", "crash-campaigns.md")
WORKERS = 4     # a mount waits more than it works
SLOTS = 8       # a worker never waits for the next disk
RECOVERY_SECONDS = 120


class CampaignError(Exception):
    """The campaign itself broke, whatever the images are like."""


def scratch():
    for name in (os.environ.get("XFSX_ORACLE_TMP"), "/dev/shm", "/tmp"):
        if name and os.path.isdir(name) and os.access(name, os.W_OK):
            return tempfile.mkdtemp(prefix="xfsx-crash.", dir=name)
    raise CampaignError("no scratch directory")


def image_of(scenario):
    return os.path.join(IMAGES, scenario.image + ".img.gz")


def crash_command(program, scenario, *options):
    command = [program, image_of(scenario), *scenario.files(), *scenario.flags, *options]
    if scenario.range:
        command += ["--range", *scenario.bytes()]
    if scenario.fork:
        command += ["--fork", scenario.fork]
    return command + (["--pad", str(scenario.pad)] if scenario.pad else [])


def judge_command(scenario, repair="6.1", manifest=None, base=None):
    manifest = manifest or os.path.join(IMAGES, scenario.image + ".json")
    return [JUDGE, "--batch", "--in-place", "--old-or-new", "--equal-once", "--dirty-ok",
            "--repair", repair, "--json", "--manifest", manifest,
            *scenario.expected(base or image_of(scenario))]


class Judges:
    """How the judges of a run are started; each can rely on what the others have looked at."""

    def __init__(self, scenario, folder):
        self.known = os.path.join(folder, "known")
        os.mkdir(self.known)
        base = None
        if scenario.range or scenario.fork:     # they have to know the disk before
            base = os.path.join(folder, "base.img")
            court.unpack(image_of(scenario), base)
        self.command = judge_command(scenario, base=base) + ["--known", self.known]

    def start(self, *options):
        return Judge(self.command + list(options))


class Judge:
    """One judge process; it answers in the order in which it is asked."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, image):
        self.process.stdin.write(image + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise CampaignError(f"the judge ended with status {self.process.wait()}")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Recovering:
    """`xfsx recover` in the place of Linux's own recovery, and judges of what it leaves."""

    def __init__(self, judges, every, count):
        build = os.environ.get("XFSX_BUILD") or os.path.join(ROOT, "build", "gcc")
        self.program = os.environ.get("XFSX") or os.path.join(build, "cli", "xfsx")
        self.every = every          # each nth state; 0: none
        self.judges = queue.Queue()
        self.all = [judges.start("--expect-clean") for _ in range(count if every else 0)]
        for judge in self.all:
            self.judges.put(judge)

    def takes(self, index):
        return self.every and index % self.every == 0

    def recover(self, disk, copy):
        """What is wrong with how it ends, or None. The disk stays as it is."""
        linux.sparse_copy(disk, copy)
        done = subprocess.run([self.program, "-q", "recover", copy], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False, timeout=RECOVERY_SECONDS)
        return None if done.returncode == 0 else "xfsx recover: status %d: %s" % (
            done.returncode, done.stdout.strip()[-1000:])

    def judge(self, copy, by_linux):
        """What is wrong with what it leaves, where the verdict on Linux's recovery is BY_LINUX."""
        judge = self.judges.get()
        try:
            verdict = judge.ask(copy)
        finally:
            self.judges.put(judge)
        why = fault_in(verdict, by_linux["state"])
        return why and "recovered by xfsx: " + why

    def close(self):
        for judge in self.all:
            judge.close()


def fault_in(verdict, expect):
    """What is wrong with a disk that should be EXPECT; None if nothing is."""
    if verdict["problems"]:
        return "; ".join(verdict["problems"])
    if verdict["state"] not in ("old", "new"):
        return "neither old nor new"
    if expect in ("old", "new") and verdict["state"] != expect:
        return f"is {verdict['state']}, must be {expect}"
    return None


class Figures:
    """What was found so far, in the order of the states."""

    def __init__(self, saved=None):
        saved = saved or {}
        self.done = saved.get("done", 0)
        self.old = saved.get("old", 0)
        self.new = saved.get("new", 0)
        self.recovered = saved.get("recovered", 0)      # by xfsx too
        self.failed = saved.get("failed", [])
        self.seconds = saved.get("seconds", 0.0)
        self.states = saved.get("states", 0)
        self.waiting = {}

    def as_json(self):
        return {"done": self.done, "old": self.old, "new": self.new, "failed": self.failed,
                "recovered": self.recovered, "seconds": self.seconds, "states": self.states}

    def add(self, index, state_id, verdict, why, recovered):
        """Verdicts come in any order; they count when all before them are there."""
        self.waiting[index] = (state_id, verdict, why, recovered)
        while self.done in self.waiting:
            state_id, verdict, why, recovered = self.waiting.pop(self.done)
            self.done += 1
            self.recovered += recovered
            if why is not None:
                self.failed.append([state_id, why[:2000]])
            elif verdict["state"] == "old":
                self.old += 1
            else:
                self.new += 1

    def problem(self):
        """Why a scenario has failed, or None."""
        if self.failed:
            return f"{len(self.failed)} of {self.done} states, first {': '.join(self.failed[0])}"
        if not self.old or not self.new:
            return f"{self.old} states are old and {self.new} new; both must occur"
        return None

    def text(self):
        ours = f", {self.recovered} recovered by xfsx too" if self.recovered else ""
        return (f"{self.done} states: {self.old} old, {self.new} new{ours}, "
                f"{len(self.failed)} failed, {self.seconds:.0f} s")


class Run:
    """One scenario: one xfsx_crash, some judges."""

    def __init__(self, program, scenario, options, figures, save=None, deadline=None, xfsx=0,
                 workers=WORKERS):
        self.figures, self.save, self.deadline = figures, save, deadline
        self.folder = scratch()
        self.judges = Judges(scenario, self.folder)
        self.recovering = Recovering(self.judges, xfsx, workers // 2)
        self.workers = workers
        self.command = crash_command(program, scenario, "--slots", self.folder, "--slot-count",
                                     str(SLOTS), *options)
        self.todo = queue.Queue()
        self.lock = threading.Lock()
        self.error = None
        self.recording = None
        self.began, self.spent = time.monotonic(), figures.seconds

    def work(self):
        judge = self.judges.start()
        try:
            while (item := self.todo.get()) is not None and self.error is None:
                self.judge_state(judge, *item)
        except Exception as error:      # noqa: BLE001; told by the main thread
            self.error = error
            self.maker.kill()
        finally:
            judge.close()

    def judge_state(self, judge, index, slot, expect, state_id):
        disk = os.path.join(self.folder, slot + ".img")
        copy = os.path.join(self.folder, slot + ".ours.img")
        ours = self.recovering.takes(index)
        problem = self.recovering.recover(disk, copy) if ours else None
        verdict = judge.ask(disk)
        why = fault_in(verdict, expect)
        if ours and not (why or problem):
            problem = self.recovering.judge(copy, verdict)
        with self.lock:
            self.figures.add(index, state_id, verdict, why or problem, bool(ours))
            self.give_back(slot)

    def give_back(self, slot):
        try:
            self.maker.stdin.write(slot + "\n")
            self.maker.stdin.flush()
        except BrokenPipeError:
            pass                # it has made its last disk

    def in_time(self):
        return self.deadline is None or time.monotonic() < self.deadline

    def follow(self):
        index = self.figures.done
        for line in self.maker.stdout:
            kind, rest = line.rstrip("\n").split(" ", 1)
            if kind == "recording":
                self.recording = rest.split()
                self.figures.states = max(self.figures.states, int(self.recording[1]))
                continue
            slot, expect, state_id = rest.split(" ", 2)
            self.todo.put((index, slot, expect, state_id))
            index += 1
            if self.save and index % 200 == 0:
                with self.lock:
                    self.keep()
            if not self.in_time():
                return False
        return True

    def keep(self):
        self.figures.seconds = self.spent + time.monotonic() - self.began
        self.save(self.figures, self.recording[0])

    def run(self):
        """True when all states were judged, False when time ran out."""
        self.maker = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        workers = [threading.Thread(target=self.work) for _ in range(self.workers)]
        for worker in workers:
            worker.start()
        try:
            whole = self.follow()
        finally:
            for _ in workers:
                self.todo.put(None)
            for worker in workers:
                worker.join()
            self.maker.stdout.close()
            try:
                self.maker.stdin.close()
            except BrokenPipeError:
                pass
            status = self.maker.wait()
            self.recovering.close()
            shutil.rmtree(self.folder, ignore_errors=True)
        self.figures.seconds = self.spent + time.monotonic() - self.began
        if self.error is not None:
            raise CampaignError(str(self.error)) from self.error
        if whole and status != 0:
            raise CampaignError(f"xfsx_crash ended with status {status}")
        if self.save and self.recording:
            self.keep()
        return whole


def judge_states(program, scenario, options=(), figures=None, **more):
    """Figures of one scenario, and whether all states were judged."""
    run = Run(program, scenario, options, figures or Figures(), **more)
    whole = run.run()
    return run.figures, whole


def commit():
    said = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout.strip()
    return said or "unknown"


def record(figures, what):
    """Adds the figures of scenarios, by name, to the document that keeps them."""
    today = datetime.date.today().isoformat()
    lines = [f"\n## {today}, commit {commit()}, {what}\n", f"Kernel {os.uname().release}.\n",
             "| scenario | states | old | new | recovered by xfsx too | failed |",
             "|---|---|---|---|---|---|"]
    rows = {name: (f.done, f.old, f.new, f.recovered, len(f.failed))
            for name, f in figures.items()}
    rows["all"] = [sum(column) for column in zip(*rows.values())]
    lines += [f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in rows.items()]
    with open(RECORD, "a", encoding="utf-8") as document:
        document.write("\n".join(lines) + "\n")
