"""Many seeds, in pieces: each run goes on behind the last seed that docs/recovery-campaigns.md
tells of, and adds a row for each kind of image, however it ends.
"""
import os
import re
import subprocess
import time
from collections import Counter

import disks

PAGE = os.path.join(disks.ROOT, "docs", "recovery-campaigns.md")
KINDS = ("shutdowns", "power cuts")
INJECTED = "injected errors"
HEAD = """# Campaigns of recovery

Images that Linux made dirty, recovered by Linux and by `xfsx recover` and compared, by
`tests/recovery/recover_oracle.py --campaign` and, where a debug kernel fails on purpose (injected
errors), `tests/recovery/injected_oracle.py --campaign`. docs/testing.md says what is compared. Each
run goes on behind the seeds of the rows before it. Open: the intents that the logs left open.

| date | commit | images | seeds | judged | failed | logs wrapped | open | seconds |
|---|---|---|---|---|---|---|---|---|
"""
ROW = re.compile(r"^\| [-0-9]+ \| [^|]+ \| ([a-z ]+) \| \d+-(\d+) \|", re.MULTILINE)


def commit():
    done = subprocess.run(["git", "-C", disks.ROOT, "describe", "--always", "--dirty",
                           "--abbrev=10", "--exclude=*"],
                          stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or "unknown"


def page():
    if not os.path.exists(PAGE):
        return HEAD
    with open(PAGE, encoding="utf-8") as text:
        return text.read()


class Part:
    """What this run has done of one kind."""

    def __init__(self, kind, count):
        self.kind, self.count, self.commit = kind, count, commit()
        ends = [int(last) for name, last in ROW.findall(page()) if name == kind]
        self.first = self.next = max(ends, default=-1) + 1
        self.images = self.wrapped = self.seconds = 0
        self.failed, self.open = [], Counter()

    def is_through(self):
        return self.next >= self.count

    def done(self):
        return self.next / self.count

    def add(self, tally, seconds):
        self.next += 1
        self.images += tally.images
        self.wrapped += tally.wrapping
        self.failed += tally.failed
        self.open += tally.open
        self.seconds += seconds

    def row(self):
        opened = ", ".join("%s %d" % pair for pair in sorted(self.open.items())) or "none"
        failed = "%d: %s" % (len(self.failed), ", ".join(self.failed)) if self.failed else "0"
        return "| %s | %s | %s | %d-%d | %d | %s | %d | %s | %.0f |\n" % (
            time.strftime("%Y-%m-%d"), self.commit, self.kind, self.first, self.next - 1,
            self.images, failed, self.wrapped, opened, self.seconds)


def tell(parts):
    rows = "".join(part.row() for part in parts if part.next > part.first)
    if rows:
        # Other campaigns have sections behind this table.
        table, mark, others = page().partition("\n## ")
        with open(PAGE, "w", encoding="utf-8") as out:
            out.write(table + rows + mark + others)


def run(judge, seeds, deadline=None):
    """JUDGE(kind, seed) gives a tally; SEEDS: how many, by kind. Returns the names of what failed,
    and whether all seeds are through."""
    parts = [Part(kind, count) for kind, count in seeds.items()]
    try:
        while left := [part for part in parts if not part.is_through()]:
            if deadline and time.monotonic() > deadline:
                break
            part = min(left, key=Part.done)
            began = time.monotonic()
            part.add(judge(part.kind, part.next), time.monotonic() - began)
    finally:
        tell(parts)
    return [name for part in parts for name in part.failed], not left
