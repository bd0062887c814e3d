"""The hostile archive (tests/hostile/archive.py): whatever somebody put on a disk, each verb that
reads ends in time, within memory, with a documented status, and says in its error where the damage
lies. Terminals are not commanded by what errors quote."""

import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import support

sys.path.append(os.path.join(support.ROOT, "tests", "hostile"))
import archive  # noqa: E402

SECONDS, MEBIBYTES = 2, 256
# Ends what hangs; the limit is of processor time, which a busy machine does not change.
PATIENCE = 60
LOCATED = re.compile(r": [a-z][\w ]* at [^:]*: field \w+|: [a-z][\w ]* at [^:]*: .* loop"
                     r"|field [dr]blocks|\[E(?!UCLEAN)\w+\]$")
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
STATUSES = {0, 1, 4}
# These leave damage aside, tell of each, and go on; the status says so.
GO_ON = {"find_owner": STATUSES, "find_owner_scan": STATUSES, "extract": STATUSES | {65}}
PROGS = os.path.join(os.environ.get("XFSX_XFSPROGS", "/opt/xfsprogs"), "bin")
BAD = re.compile(rb"\bbad\b|\bwould\b")
NEWER = ("rtgroups", "zoned")  # bases that xfs_repair 6.13 does not know
JUDGED = 8  # images, without XFSX_FULL


class Ended:
    def __init__(self, words, status, usage, out, err):
        self.words, self.status, self.out, self.err = words, status, out, err
        self.seconds = usage.ru_utime + usage.ru_stime
        self.mebibytes = usage.ru_maxrss / 1024


def run(words):
    """Runs the program to its end, and measures it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = subprocess.Popen([os.environ["XFSX"], *words], stdout=out, stderr=err)
        timer = threading.Timer(PATIENCE, started.kill)
        timer.start()
        _, status, usage = os.wait4(started.pid, 0)
        timer.cancel()
        started.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Ended(words, started.returncode, usage, out.read(1 << 20), err.read())


def copy(case):
    """The path of an image of a case, with its realtime device beside it if it has one."""
    path = support.copy_of(case.base)
    for device in support.realtime(support.image(case.base))[1:]:
        support.copy_sparse(device, support.realtime_path(path))
    case.spoil(path)
    return path


def remove(path):
    for each in (path, support.realtime_path(path)):
        if os.path.exists(each):
            os.unlink(each)


def verbs(case, path, there):
    """What is run, by the name that a case calls it."""
    file = os.fsencode(case.file())
    number = str(case.number())
    found = {
        "info": ["info", path], "ls": ["ls", "-lR", path], "ls_file": ["ls", "-l", path, file],
        "stat": ["stat", path, file], "cat": ["cat", path, file],
        "readlink": ["readlink", path, file], "xattr": ["xattr", path, file],
        "bmap": ["bmap", path, file], "bmap_attr": ["bmap", "--attr", path, file],
        "log": ["log", path], "inspect_log": ["inspect", path, "log"],
        "inspect_inode": ["inspect", path, "inode", number],
        "inspect_bmap": ["inspect", path, "inode", number, "bmap"],
        "inspect_daddr": ["inspect", path, "daddr", "64"],
        "ls_json": ["--json", "ls", "-lR", path], "xattr_json": ["--json", "xattr", path, file],
        "bmap_json": ["--json", "bmap", path, file],
        "log_json": ["--json", "log", path], "stat_json": ["--json", "stat", path, file],
    }
    for what in ("sb", "agf", "agi", "agfl", "bnobt", "cntbt", "inobt", "finobt", "rmapbt",
                 "refcntbt", "unlinked", "rtbitmap", "rtsummary"):
        found["inspect_" + what] = ["inspect", path, what, "0"]
    found["inspect_rtsb"] = ["inspect", path, "rtsb"]
    for kind in ("user", "group", "project"):
        found["inspect_dquot_" + kind] = ["inspect", path, "dquot", kind, "0"]
    found["inspect_dquot_last"] = ["inspect", path, "dquot", "user", "4294967295"]
    if "find-owner" in there:
        found["find_owner"] = ["find-owner", path, "all"]
        found["find_owner_scan"] = ["find-owner", "--scan", path, "all"]
    if "fuzz_list" in case.errors:
        found["fuzz_list"] = ["fuzz", "--list", path]
    found = {name: [*support.realtime(path), *words] for name, words in found.items()}
    if "info" in case.errors:
        # Where nothing can be opened, one structure is as good as the next.
        return {name: words for name, words in found.items()
                if name in case.errors or name in ("inspect_sb", "inspect_log")}
    return found


class Hostile(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        said = support.xfsx("--help").out
        cls.there = {word for word in ("extract", "find-owner")
                     if re.search(r"^  %s\b" % word, said, re.M)}

    def check(self, case, name, ended):
        told = ended.err.decode("utf-8", "replace")
        where = "%s: %s: %s" % (case.name, name, told[-300:])
        self.assertIn(ended.status, GO_ON.get(name, STATUSES), where)
        self.assertLess(ended.seconds, SECONDS, where)
        self.assertLess(ended.mebibytes, MEBIBYTES, where)
        self.assertEqual(CONTROL.findall(ended.err), [], where)
        if name.startswith(("info", "stat", "inspect", "bmap", "log")):
            self.assertEqual(CONTROL.findall(ended.out), [], where)
        if ended.status and not name.endswith("_json"):
            lines = [line for line in told.splitlines() if ": warning: " not in line]
            if name not in GO_ON:
                self.assertEqual(len(lines), 1, where)
            for line in lines:
                self.assertRegex(line, r"\Axfsx: .*\[E[A-Z]+\]\Z", where)
                self.assertRegex(line, LOCATED, where)
        if name in case.errors:
            self.assertRegex(told, case.errors[name], where)
            self.assertTrue(ended.status or name == "fuzz_list", where)

    def extracted(self, case, path):
        """What lands below a folder when the whole tree is taken out, and nothing beside it."""
        around = tempfile.mkdtemp(dir=support.scratch())
        ended = run([*support.realtime(path), "extract", path, "/", os.path.join(around, "out")])
        self.assertIn(os.listdir(around), ([], ["out"]), case.name)
        subprocess.run(["rm", "-rf", around], check=True)
        return ended

    def test_every_verb_on_every_image(self):
        self.assertGreaterEqual(len(archive.CASES), 120)
        with ThreadPoolExecutor(2) as pool:
            for case in archive.CASES.values():
                with self.subTest(case.name):
                    path = copy(case)
                    runs = verbs(case, path, self.there)
                    self.assertEqual(set(case.errors) - set(runs), {"extract"} & set(case.errors))
                    for name, ended in zip(runs, pool.map(run, runs.values())):
                        self.check(case, name, ended)
                    if "extract" in self.there:
                        self.check(case, "extract", self.extracted(case, path))
                    remove(path)

    def bad(self, case, version):
        """What xfs_repair of a version finds in the image of a case."""
        path = copy(case)
        device = ["-r", *support.realtime(path)[1:]] if support.realtime(path) else []
        program = os.path.join(PROGS, "xfs_repair-" + version)
        done = subprocess.run([program, "-n", *device, path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        remove(path)
        return done.returncode != 0 or BAD.search(done.stdout) is not None

    def test_what_xfs_repair_says(self):
        """What we refuse, others find wrong too."""
        versions = [v for v in ("6.13", "7.2")
                    if os.access(os.path.join(PROGS, "xfs_repair-" + v), os.X_OK)]
        if not versions:
            self.skipTest("xfsprogs 6.13 or later is not here")
        self.assertEqual(set(archive.QUIET) - set(archive.CASES), set())
        names = sorted(archive.CASES)
        if os.environ.get("XFSX_FULL") != "1":
            names = random.Random(os.environ.get("XFSX_SEED")).sample(names, JUDGED)
            versions = versions[-1:]
        with ThreadPoolExecutor(2) as pool:
            asked = [(name, version) for name in names for version in versions
                     if version != "6.13" or archive.CASES[name].base not in NEWER]
            found = pool.map(lambda one: self.bad(archive.CASES[one[0]], one[1]), asked)
            for (name, version), bad in zip(asked, found):
                self.assertEqual(bad, name not in archive.QUIET, (name, version))


if __name__ == "__main__":
    unittest.main()
