"""Runs xfsx_crash and hands the disks that it makes to judges, several at a time."""
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
JUDGE = os.path.join(ROOT, "tests", "oracle", "judge")
IMAGES = os.path.join(ROOT, "images")
WORKERS = 4     # a mount waits more than it works
SLOTS = 8       # a worker never waits for the next disk


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


def judge_command(scenario, repair="6.1", manifest=None):
    manifest = manifest or os.path.join(IMAGES, scenario.image + ".json")
    return [JUDGE, "--batch", "--in-place", "--old-or-new", "--equal-once", "--dirty-ok",
            "--repair", repair, "--json", "--manifest", manifest,
            *scenario.expected(image_of(scenario))]


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
        self.failed = saved.get("failed", [])
        self.seconds = saved.get("seconds", 0.0)
        self.states = saved.get("states", 0)
        self.waiting = {}

    def as_json(self):
        return {"done": self.done, "old": self.old, "new": self.new, "failed": self.failed,
                "seconds": self.seconds, "states": self.states}

    def add(self, index, state_id, verdict, why):
        """Verdicts come in any order; they count when all before them are there."""
        self.waiting[index] = (state_id, verdict, why)
        while self.done in self.waiting:
            state_id, verdict, why = self.waiting.pop(self.done)
            self.done += 1
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
        return (f"{self.done} states: {self.old} old, {self.new} new, {len(self.failed)} failed, "
                f"{self.seconds:.0f} s")


class Run:
    """One scenario: one xfsx_crash, some judges."""

    def __init__(self, program, scenario, options, figures, save=None, deadline=None):
        self.figures, self.save, self.deadline = figures, save, deadline
        self.folder = scratch()
        self.scenario = scenario
        self.command = crash_command(program, scenario, "--slots", self.folder, "--slot-count",
                                     str(SLOTS), *options)
        self.todo = queue.Queue()
        self.lock = threading.Lock()
        self.error = None
        self.recording = None
        self.began, self.spent = time.monotonic(), figures.seconds

    def work(self):
        judge = Judge(judge_command(self.scenario))
        try:
            while (item := self.todo.get()) is not None and self.error is None:
                index, slot, expect, state_id = item
                verdict = judge.ask(os.path.join(self.folder, slot + ".img"))
                with self.lock:
                    self.figures.add(index, state_id, verdict, fault_in(verdict, expect))
                    self.give_back(slot)
        except Exception as error:      # noqa: BLE001; told by the main thread
            self.error = error
            self.maker.kill()
        finally:
            judge.close()

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
            self.maker.stdout.close()
            try:
                self.maker.stdin.close()
            except BrokenPipeError:
                pass
            status = self.maker.wait()
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
