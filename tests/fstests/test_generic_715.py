"""generic/715: files of unlike size."""

import unittest

import rows
from rows import UNIT

BEFORE = ["207ea56e0ccbf50d38fd3a2d842aa170", "eb58941d31f5be1e4e22df8c536dd490"]
TAILS = ["3f34470fe9feb8513d5f3a8538f2c5f3", "c3daca7dd9218371cd0dc64f11e4b0bf"]


def fill(root):
    rows.fill(root + "/a", 0x58, 27 * UNIT)
    rows.fill(root + "/b", 0x59, 37 * UNIT)


class Generic715(rows.Row):
    def test_the_last_units_of_both(self):
        for features in ("plain", "rmapbt"):
            with self.subTest(features):
                image = self.image(fill, features)
                self.assertEqual(image.md5("/a", "/b"), BEFORE)
                image.exchange("/a", "/b", 22 * UNIT, 32 * UNIT, 5 * UNIT)
                self.assertEqual(image.md5("/a", "/b"), TAILS)
                image.judge()

    def test_whole_files_exchange_their_sizes(self):
        image = self.image(fill)
        image.exchange("/a", "/b")
        self.assertEqual(image.md5("/b", "/a"), BEFORE)
        image.judge()

    def test_beyond_the_end(self):
        image = self.image(fill)
        image.refused(("/a", "/b", "--offset1", 30 * UNIT, "--offset2", 40 * UNIT, "--length",
                       5 * UNIT), "EINVAL")


class ToTheEnd(rows.Row):
    """Beyond the row: to the end of both from offsets that differ, where Linux's own call does
    otherwise than its manual says."""

    def test_offsets_that_differ(self):
        for features in ("plain", "rmapbt"):
            with self.subTest(features):
                image = self.image(fill, features)
                image.exchange("/a", "/b", 2 * UNIT, 5 * UNIT)
                image.exchange("/b", "/a", 0, UNIT)
                image.judge()

    def test_from_the_end_of_one_or_of_both(self):
        image = self.image(fill)
        image.exchange("/a", "/b", 27 * UNIT, 37 * UNIT)
        image.exchange("/a", "/b", 27 * UNIT, 30 * UNIT)
        image.exchange("/a", "/b", 34 * UNIT, 0)
        image.judge()

    def test_ends_inside_blocks_and_blocks_past_the_end(self):
        def filled(root):
            rows.fill(root + "/a", 0x58, 3 * UNIT + 37)
            rows.fill(root + "/b", 0x59, 5 * UNIT + 4099)
            for name in ("/a", "/b"):
                rows.fallocate(root + name, rows.KEEP_SIZE, (4 * UNIT, 4 * UNIT))
        for features in ("plain", "rmapbt"):
            with self.subTest(features):
                image = self.image(filled, features)
                image.exchange("/a", "/b", UNIT, 2 * UNIT)
                image.exchange("/a", "/b", 4096, UNIT)
                image.judge()


if __name__ == "__main__":
    unittest.main()
