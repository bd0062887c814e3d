"""The hostile archive for `xfsx recover` (tests/hostile/recover_cases.py): a damaged log is told
with its place, and nothing is written; what comes before the damage can be salvaged."""

import json
import os
import re
import sys
import unittest

import support
from test_hostile import LOCATED, MEBIBYTES, SECONDS, run

sys.path.append(os.path.join(support.ROOT, "tests", "hostile"))
import recover_cases  # noqa: E402

DAMAGED, LOST = 4, 65
# What the log replays is wrong as a whole: there is no place before which it is right.
HOPELESS = {"logged-superblock-moves-the-log"}


class Hostile(unittest.TestCase):
    def check(self, case, ended, status):
        told = ended.err.decode()
        where = "%s: %s" % (case.name, told[-300:])
        self.assertEqual(ended.status, status, where)
        self.assertLess(ended.seconds, SECONDS, where)
        self.assertLess(ended.mebibytes, MEBIBYTES, where)
        return told

    def test_damage_is_told_and_salvaged(self):
        for case in recover_cases.CASES.values():
            with self.subTest(case.name):
                path = support.copy_of(case.base)
                self.addCleanup(os.unlink, path)
                case.spoil(path)
                before = support.digest(path)
                told = self.check(case, run(["recover", path]), DAMAGED)
                self.assertRegex(told, case.errors["recover"])
                self.assertRegex(told.rstrip("\n"), LOCATED)
                self.assertEqual(len(told.splitlines()), 1)
                self.assertEqual(support.digest(path), before)
                hopeless = case.name in HOPELESS
                done = run(["recover", "--salvage", "--yes", path])
                self.check(case, done, DAMAGED if hopeless else LOST)
                if hopeless:
                    self.assertEqual(support.digest(path), before)
                    continue
                self.assertTrue(re.search(rb"(?m)^(damaged|left undone): ", done.out), case.name)
                info = json.loads(run(["--json", "info", path]).out)
                self.assertEqual(info["log"]["state"], "clean", case.name)


if __name__ == "__main__":
    unittest.main()
