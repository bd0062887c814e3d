"""generic/713: ranges of two files, and of one file with itself."""

import unittest

import rows
from rows import UNIT

COUNT = 57
# Contents of b and a, or of c, at the start and after each exchange.
SIMPLE = [("db85d578204631f2b4eb1e73974253c2", "d0425612f15c6071022cf7127620f63d"),
          ("20beef1c9ed7de02e4229c69bd43bd8f", "e7697fa99d08f7eb76fa3fb963fe916a"),
          ("cd32ce54c295fcdf571ce7f8220fac56", "d9771c5bb6d9db00b9abe65a4410e1a6"),
          ("e0fff655f6a08fc2f03ee01e4767060c", "ec7d764c85e583e305028c9cba5b25b6")]
UNALIGNED = ["9f8c731a4f1946ffdda8c33e82417f2d", "7a5d2ba7508226751c835292e28cd227"]
WOVEN = "48b41ee1970eb71064b77181f42634cf"
RAINBOW = [(WOVEN, WOVEN)] * 3 + [("6753bc585e3c71d53bfaae11d2ffee99",
                                   "39597abd4d9d0c9ceac22b77eb00c373")]
SELF = ["39e17753fa9e923a3b5928e13775e358", "8262c617070703fb0e2a28d8f05e3112"]
# Units: in b, in a, and how many: the same place, other places, places that overlap.
RANGES = ((3, 3, 5), (37, 47, 7), (17, 23, 7))


def fill_simple(root):
    rows.fill(root + "/a", 0x58, COUNT * UNIT)
    rows.fill(root + "/b", 0x59, COUNT * UNIT)


def fill_unaligned(root):
    rows.fill(root + "/a", 0x58, COUNT * UNIT + 37)
    rows.fill(root + "/b", 0x59, COUNT * UNIT + 37)


def fill_rainbow(root):
    for name in ("/a", "/b"):
        rows.weave_rainbow(root + name, COUNT)


def fill_self(root):
    rows.write(root + "/c", (0, 0x58, COUNT * UNIT), (COUNT * UNIT, 0x59, COUNT * UNIT))


class Ranges(rows.Row):
    """What generic/714 does too, with one of the files shared."""

    def three(self, image, golden):
        self.assertEqual(tuple(image.md5("/b", "/a")), golden[0])
        for (at1, at2, length), expected in zip(RANGES, golden[1:]):
            image.exchange("/b", "/a", at1 * UNIT, at2 * UNIT, length * UNIT)
            self.assertEqual(tuple(image.md5("/b", "/a")), expected)


class Generic713(Ranges):
    def test_simple(self):
        for features in ("plain", "rmapbt", "parent"):
            with self.subTest(features):
                image = self.image(fill_simple, features)
                self.three(image, SIMPLE)
                image.judge()

    def test_rainbow(self):
        for features in ("plain", "exchange"):
            with self.subTest(features):
                image = self.image(fill_rainbow, features)
                self.three(image, RAINBOW)
                image.judge()

    def test_the_end_inside_a_block(self):
        """Whole files, and the same as a range."""
        image = self.image(fill_unaligned)
        self.assertEqual(image.md5("/a", "/b"), UNALIGNED)
        image.exchange("/a", "/b")
        self.assertEqual(image.md5("/b", "/a"), UNALIGNED)
        image.exchange("/a", "/b", 0, 0, COUNT * UNIT + 37)
        self.assertEqual(image.md5("/a", "/b"), UNALIGNED)
        image.judge()

    def test_ranges_of_one_file_that_overlap(self):
        image = self.image(fill_self)
        image.refused(("/c", "/c", "--offset1", 13 * UNIT, "--offset2", 17 * UNIT, "--length",
                       5 * UNIT), "EINVAL")

    def test_ranges_of_one_file(self):
        image = self.image(fill_self)
        self.assertEqual(image.md5("/c"), SELF[:1])
        image.exchange("/c", "/c", 3 * UNIT, (COUNT + 3) * UNIT, 5 * UNIT)
        self.assertEqual(image.md5("/c"), SELF[1:])
        image.judge()


if __name__ == "__main__":
    unittest.main()
