"""xfs/790: what an interrupted exchange leaves is old or new once Linux has recovered it."""

import os
import sys
import unittest

import rows
from judging import manifest

sys.path.insert(0, os.path.join(rows.ROOT, "tests", "crash"))
import campaign  # noqa: E402
from scenarios import Scenario  # noqa: E402

COUNT = 137
BEFORE = ["c7221b1494117327570a0958b0abca51", "30cc2b6b307081e10972317013efb0f3"]
STATES = 60


def fill(root):
    rows.fill(root + "/a", 0x58, COUNT * rows.UNIT)
    rows.punch_alternating(root + "/a", rows.UNIT)
    rows.fill(root + "/a", 0x58, COUNT * rows.UNIT)
    rows.fill(root + "/b", 0x59, COUNT * rows.UNIT)


class Row790(Scenario):
    """An image of the test's own."""

    def files(self):
        return "/a", "/b"


class Xfs790(rows.Row):
    def test_every_crash_state_is_old_or_new(self):
        image = self.image(fill, "rmapbt")
        self.assertEqual(image.md5("/a", "/b"), BEFORE)
        name = image.path + "-790"
        with image.seen() as root:
            manifest.save(name + ".json",
                          {"schema": 1, "superblock": manifest.superblock(image.path)},
                          manifest.walk(root))
        os.symlink(image.path, name + ".img.gz")    # who reads packed images reads plain ones too
        program = os.path.join(os.path.dirname(os.path.dirname(os.environ["XFSX"])), "tests",
                               "xfsx_crash")
        figures, whole = campaign.judge_states(
            program, Row790("xfs/790", name, "one"),
            ["--seed", "1", "--subsets", "20", "--sample", str(STATES)])
        self.assertTrue(whole)
        self.assertIsNone(figures.problem())
        image.exchange("/a", "/b")
        self.assertEqual(image.md5("/b", "/a"), BEFORE)
        image.judge()


if __name__ == "__main__":
    unittest.main()
