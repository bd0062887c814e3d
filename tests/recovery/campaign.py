"""Many seeds, in pieces: what was found is kept, and told when all are through.

Progress is kept beside the program in recovery-campaign.json after each seed, with the program's
SHA-256: another program begins anew. When the last seed is through, a row for each kind of image
goes to docs/recovery-campaigns.md.
"""
import hashlib
import json
import os
import subprocess
import time
from collections import Counter

import disks
import logs

PAGE = os.path.join(disks.ROOT, "docs", "recovery-campaigns.md")
KINDS = ("shutdowns", "power cuts")
HEAD = """# Campaigns of recovery

Images that Linux made dirty, recovered by Linux and by `xfsx recover` and compared, whole campaigns
of `tests/recovery/recover_oracle.py --campaign`. docs/testing.md says what is compared. Open: the
intents that the logs left open.

| date | commit | images | seeds | judged | failed | logs wrapped | open | seconds |
|---|---|---|---|---|---|---|---|---|
"""


def commit():
    done = subprocess.run(["git", "-C", disks.ROOT, "describe", "--always", "--dirty",
                           "--abbrev=10", "--exclude=*"],
                          stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or "unknown"


class Progress:
    """How far a campaign has come."""

    def __init__(self, seeds):
        self.path = os.path.join(os.path.dirname(os.path.dirname(logs.XFSX)),
                                 "recovery-campaign.json")
        with open(logs.XFSX, "rb") as program:
            self.program = hashlib.file_digest(program, "sha256").hexdigest()
        self.saved = {"program": self.program, "seeds": seeds, "kinds": {}}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                found = json.load(file)
            if found["program"] == self.program and found["seeds"] == seeds:
                self.saved = found

    def of(self, kind):
        return self.saved["kinds"].setdefault(kind, {
            "next": 0, "images": 0, "wrapped": 0, "failed": [], "open": {}, "seconds": 0})

    def add(self, kind, tally, seconds):
        """Another seed is through."""
        now = self.of(kind)
        now["next"] += 1
        now["images"] += tally.images
        now["wrapped"] += tally.wrapping
        now["failed"] += tally.failed
        now["open"] = dict(Counter(now["open"]) + tally.open)
        now["seconds"] += seconds
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.saved, file, indent=1)
        os.replace(self.path + ".new", self.path)

    def row(self, kind):
        now = self.of(kind)
        opened = ", ".join("%s %d" % pair for pair in sorted(now["open"].items())) or "none"
        failed = "%d: %s" % (len(now["failed"]), ", ".join(now["failed"])) if now["failed"] else "0"
        return "| %s | %s | %s | %d | %d | %s | %d | %s | %.0f |\n" % (
            time.strftime("%Y-%m-%d"), commit(), kind, now["next"], now["images"], failed,
            now["wrapped"], opened, now["seconds"])

    def finish(self):
        text = ""
        if os.path.exists(PAGE):
            with open(PAGE, encoding="utf-8") as page:
                text = page.read()
        with open(PAGE, "w", encoding="utf-8") as page:
            table, mark, others = (text or HEAD).partition("\n## ")
            page.write(table + "".join(self.row(kind) for kind in KINDS) + mark + others)
        os.remove(self.path)


def run(judge, seeds, deadline=None):
    """JUDGE(kind, seed) gives a tally. Returns the names of what failed, or None if time ran out
    before the end."""
    progress = Progress(seeds)
    for kind, count in zip(KINDS, seeds):
        while (seed := progress.of(kind)["next"]) < count:
            if deadline and time.monotonic() > deadline:
                return None
            began = time.monotonic()
            tally = judge(kind, seed)
            progress.add(kind, tally, time.monotonic() - began)
    failed = [name for kind in KINDS for name in progress.of(kind)["failed"]]
    progress.finish()
    return failed
