"""xfs/791: the same as xfs/790 where only what the donor has written is exchanged."""

import unittest

import crash_rows
from rows import UNIT
from test_generic_724 import AFTER, BEFORE, PIECES, fill


class WrittenOnly(crash_rows.Scenario):
    def files(self):
        return "/b", "/a"

    def expected(self, image):
        told = ["--base", image]
        for at in PIECES:
            told += ["--range", "/a", "/b", str(at), str(at), str(UNIT)]
        return told


class Xfs791(crash_rows.CrashRow):
    def test_every_crash_state_is_old_or_new(self):
        image = self.image(fill, "rmapbt")
        self.assertEqual(image.md5("/a", "/b"), BEFORE)
        self.judge_states(image, lambda name, path, pair: WrittenOnly(name, path, pair,
                                                                      flags=("--written",)))
        image.swap("/b", "/a", "--written")
        self.assertEqual(image.md5("/a", "/b"), AFTER)
        image.exchanges += [(b"/a", b"/b", at, at, UNIT) for at in PIECES]
        image.judge()


if __name__ == "__main__":
    unittest.main()
