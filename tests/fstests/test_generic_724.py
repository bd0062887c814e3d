"""generic/724: only what is written in the donor."""

import unittest

import rows
from rows import UNIT

BEFORE = ["310f146ce52077fcd3308dcbe7632bb2", "c9fb827e2e3e579dc2a733ddad486d1d"]
AFTER = ["e9cbfe8489a68efaa5fcf40cf3106118", "faf8ed02a5b0638096a817abcc6c2127"]


# Where b has something written, a unit each.
PIECES = (UNIT, 768 << 10)


def fill(root):
    rows.fill(root + "/a", 0x58, 1 << 20)
    with open(root + "/b", "wb") as file:
        file.truncate(1 << 20)
    rows.write(root + "/b", *((at, byte, UNIT) for at, byte in zip(PIECES, (0x59, 0x57))))


class Generic724(rows.Row):
    def test_written_only(self):
        for features in ("plain", "rmapbt", "metadir"):
            with self.subTest(features):
                image = self.image(fill, features)
                self.assertEqual(image.md5("/a", "/b"), BEFORE)
                image.swap("/b", "/a", "--written", "--length", 1 << 20)
                self.assertEqual(image.md5("/a", "/b"), AFTER)
                image.exchanges += [(b"/a", b"/b", at, at, UNIT) for at in PIECES]
                image.judge()


if __name__ == "__main__":
    unittest.main()
