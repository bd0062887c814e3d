"""xfs/790: what an interrupted exchange leaves is old or new once Linux has recovered it."""

import unittest

import crash_rows
import rows

LENGTH = 137 * rows.UNIT
BEFORE = ["c7221b1494117327570a0958b0abca51", "30cc2b6b307081e10972317013efb0f3"]


def fill(root):
    """The first file in pieces: every other unit was given back and written again."""
    rows.fill(root + "/a", 0x58, LENGTH)
    rows.punch_alternating(root + "/a", rows.UNIT)
    rows.fill(root + "/b", 0x59, LENGTH)
    rows.fill(root + "/a", 0x58, LENGTH)


class Xfs790(crash_rows.CrashRow):
    def test_every_crash_state_is_old_or_new(self):
        image = self.image(fill, "rmapbt")
        self.assertEqual(image.md5("/a", "/b"), BEFORE)
        self.judge_states(image, crash_rows.WholeFiles)
        image.exchange("/a", "/b")
        self.assertEqual(image.md5("/b", "/a"), BEFORE)
        image.judge()


if __name__ == "__main__":
    unittest.main()
