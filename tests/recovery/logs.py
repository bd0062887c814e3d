"""What lies in the log of a dirty image, as xfsx log tells it."""
import json
import os
import subprocess
from collections import Counter

XFSX = os.environ.get("XFSX") or os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
    "build", "gcc", "cli", "xfsx")
TIMEOUT = 300
SET_SIZES = 2       # in the flags of an exchange


def xfsx(*words, text=True):
    return subprocess.run([XFSX, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=TIMEOUT,
                          **({"text": True, "errors": "replace"} if text else {}))


class Pending:
    """What recovery has to do with."""

    def __init__(self, disk, *more):
        done = xfsx("--json", "log", "--pending", disk.image, *disk.words(), *more)
        self.error = None if done.returncode == 0 else "xfsx log: status %d: %s" % (
            done.returncode, done.stderr.strip()[:300])
        self.items, self.open, self.renamed, self.wraps = Counter(), Counter(), set(), False
        # Sizes that open exchanges of unequal sizes end with, by inode: Linux does not end them so.
        self.sizes = {}
        if self.error:
            return
        told = json.loads(done.stdout)
        self.wraps = told["log"]["head"]["cycle"] != told["log"]["tail"]["cycle"]
        self.cycle = told["log"]["head"]["cycle"]
        self.open.update(one["type"] for one in told["open_intents"])
        identities = {(one["type"], one["id"]) for one in told["open_intents"]}
        for entry in told["entries"]:
            for item in entry.get("items", ()):
                self.items[item["type"]] += 1
                of = item.get("format", {})
                if item["type"] == "ATTRI" and ("ATTRI", of.get("id")) in identities:
                    self.renamed.add(int(of["ino"]))
                if item["type"] == "XMI" and ("XMI", of.get("id")) in identities:
                    self.add_sizes(of)

    def add_sizes(self, of):
        sizes = int(of["isize1"]), int(of["isize2"])
        if int(of["flags"]) & SET_SIZES and sizes[0] != sizes[1]:
            self.sizes[int(of["inode1"])], self.sizes[int(of["inode2"])] = sizes

    def told(self):
        def listed(counts):
            return " ".join("%s=%d" % pair for pair in sorted(counts.items()))
        return "cycle %d%s; open: %s; items: %s" % (
            self.cycle, " wraps" if self.wraps else "", listed(self.open) or "none",
            listed(self.items))
