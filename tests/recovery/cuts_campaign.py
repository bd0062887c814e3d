"""Power cuts of recovery on many images, in pieces: what was found is kept, and told at the end.

Progress is kept beside the program in cuts-campaign.json after each image, with the SHA-256 of
xfsx_recover_states: another program begins anew. When the last image is through, its figures go to
docs/recovery-campaigns.md.
"""
import hashlib
import json
import os
import time

import campaign
import shipped_oracle

PAGE = campaign.PAGE
SEEDS = 28              # beside the shipped images; the table of features has 18 rows
FULL_LOGS = (3, 4, 10)   # seeds whose logs are small enough to be filled
HEAD = """
## Power cuts of recovery

What power failures leave of `xfsx recover`, recovered again by Linux and by xfsx: campaigns of
`tests/recovery/crash_oracle.py --campaign`.
"""


def images():
    """(name, how it ends, or None)"""
    return ([(name, None) for name in shipped_oracle.dirty_images()]
            + [(str(seed), None) for seed in range(SEEDS)]
            + [(str(seed), "log full") for seed in FULL_LOGS])


class Progress:
    def __init__(self, program):
        self.path = os.path.join(os.path.dirname(os.path.dirname(program)), "cuts-campaign.json")
        with open(program, "rb") as file:
            self.saved = {"program": hashlib.file_digest(file, "sha256").hexdigest(), "images": {}}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                found = json.load(file)
            if found["program"] == self.saved["program"]:
                self.saved = found

    def has(self, key):
        return key in self.saved["images"]

    def add(self, key, figures, words, seconds):
        told = {name: getattr(figures, name) for name in (
            "states", "after", "prefixes", "all_prefixes", "looked_at", "by_program", "refused",
            "outcomes", "home_first", "failed")}
        self.saved["images"][key] = told | {"words": words, "seconds": seconds}
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.saved, file, indent=1)
        os.replace(self.path + ".new", self.path)

    def table(self):
        lines = ["", "%s, commit %s, kernel %s." % (
            time.strftime("%Y-%m-%d"), campaign.commit(), os.uname().release), "",
            "| image | states | prefixes | subsets | after the commit | refused by Linux | "
            "outcomes of xfsx | failed |", "|---|---|---|---|---|---|---|---|"]
        rows = []
        for key, one in self.saved["images"].items():
            prefixes = "%d" % one["prefixes"]
            if one["prefixes"] < one["all_prefixes"]:
                prefixes += " of %d" % one["all_prefixes"]
            if one["home_first"]:
                key += ", blocks home first"
            if one["words"].endswith("mounts it"):
                key += ", by xfsx alone"
            rows.append((one["states"], one["prefixes"], one["states"] - one["prefixes"],
                         one["after"], one["refused"], one["outcomes"], len(one["failed"])))
            lines.append("| %s | %d | %s | %d | %d | %d | %d | %d |" % (
                key, rows[-1][0], prefixes, *rows[-1][2:]))
        total = [sum(column) for column in zip(*rows)]
        lines.append("| all %d | %s |" % (len(rows), " | ".join(map(str, total))))
        return "\n".join(lines) + "\n"

    def failures(self):
        return sum(len(one["failed"]) for one in self.saved["images"].values())

    def finish(self):
        text = campaign.HEAD
        if os.path.exists(PAGE):
            with open(PAGE, encoding="utf-8") as page:
                text = page.read()
        if HEAD not in text:
            text += HEAD
        with open(PAGE, "w", encoding="utf-8") as page:
            page.write(text + self.table())
        os.remove(self.path)


def run(judge, program, deadline=None):
    """JUDGE(name, ending) gives figures, words and seconds. How many states failed, or None if time
    ran out before the end."""
    progress = Progress(program)
    for name, ending in images():
        key = name if not ending else "%s, %s" % (name, ending)
        if progress.has(key):
            continue
        if deadline and time.monotonic() > deadline:
            return None
        progress.add(key, *judge(name, ending))
    failed = progress.failures()
    progress.finish()
    return failed
