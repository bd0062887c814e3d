"""A long run of the fuzz targets that can be interrupted and goes on where it was.

A target runs in slices. After each, what it has done so far is written to the state folder, beside
its corpus; when it has done what was asked for, its figures become a row of the campaigns' page and
its next campaign begins with nothing but the corpus.
"""

import concurrent.futures
import json
import os
import subprocess
import tempfile
import threading
import time

import fuzz_runs
import results

PAGE = os.path.join(fuzz_runs.ROOT, "docs", "fuzz-campaigns.md")
TABLE = ("| day | commit | target | inputs | edges | corpus | MiB | seconds |\n"
         "|---|---|---|---|---|---|---|---|\n")
SLICE = 60          # seconds
DEFAULT_SECONDS = 300
LOCK = threading.Lock()


def number(variable, default):
    return int(os.environ.get(variable) or default)


def state_folder():
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.environ.get("XFSX_FUZZ_STATE") or os.path.join(home, "xfsx-fuzz")


def commit():
    done = subprocess.run(["git", "-C", fuzz_runs.ROOT, "describe", "--always", "--dirty",
                           "--abbrev=10", "--exclude=*"],
                          stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or "unknown"


class Progress:
    """What a target has done in this campaign."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, name + ".json")
        self.corpus = os.path.join(folder, name)
        self.done = {"inputs": 0, "edges": 0, "seconds": 0, "memory": 0}
        os.makedirs(self.corpus, exist_ok=True)
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.done.update(json.load(file))

    def add(self, figures):
        for key in ("inputs", "seconds"):
            self.done[key] += figures[key]
        self.done["edges"] = figures["edges"]
        self.done["memory"] = max(self.done["memory"], figures["memory"])
        with open(self.path + ".new", "w") as file:
            json.dump(self.done, file)
        os.replace(self.path + ".new", self.path)

    def finished(self, seconds, inputs):
        return self.done["seconds"] >= seconds and self.done["inputs"] >= inputs

    def row(self, name):
        return "| %s | %s | %s | %d | %d | %d | %d | %.0f |\n" % (
            time.strftime("%Y-%m-%d"), commit(), name, self.done["inputs"], self.done["edges"],
            len(os.listdir(self.corpus)), self.done["memory"], self.done["seconds"])


def write_row(row):
    """Appends to the table at the end of the page; only rows may follow it."""
    with LOCK:
        with open(PAGE) as page:
            text = page.read()
        with open(PAGE, "a") as page:
            page.write(("" if TABLE in text else "\n" + TABLE) + row)


def campaign(name, program, seeds):
    """None or why it failed."""
    seconds, inputs = number("XFSX_FUZZ_SECONDS", 0), number("XFSX_FUZZ_RUNS", 0)
    if seconds == 0 and inputs == 0:
        seconds = DEFAULT_SECONDS
    progress = Progress(state_folder(), name)
    while not progress.finished(seconds, inputs):
        left = seconds - progress.done["seconds"]
        length = SLICE if progress.done["inputs"] < inputs or left > SLICE else max(1, int(left))
        with tempfile.TemporaryDirectory(prefix="xfsx-fuzz-") as scratch:
            failure, figures = fuzz_runs.fuzz(name, program, progress.corpus, scratch,
                                              ["-max_total_time=%d" % length],
                                              fuzz_runs.seed_folders(seeds, name))
        if failure:
            return failure
        progress.add(figures)
        print("%s: %d inputs, %d edges, %.0f s so far"
              % (name, progress.done["inputs"], progress.done["edges"],
                 progress.done["seconds"]), flush=True)
    write_row(progress.row(name))
    os.remove(progress.path)
    return None


def run(programs, seeds):
    os.nice(19 - os.nice(0))
    wanted = [name for name in os.environ.get("XFSX_FUZZ_TARGETS", "").split(",") if name]
    chosen = {name: path for name, path in programs.items() if not wanted or name in wanted}
    with concurrent.futures.ThreadPoolExecutor(number("XFSX_FUZZ_JOBS", 1)) as pool:
        jobs = {pool.submit(campaign, name, path, seeds): name
                for name, path in sorted(chosen.items())}
        for job in concurrent.futures.as_completed(jobs):
            failure = job.result()
            if failure:
                results.failed("fuzz campaign " + jobs[job], failure)
            else:
                results.passed("fuzz campaign " + jobs[job])
