"""generic/714: ranges of files that share blocks with a third, which must not notice."""

import subprocess
import unittest

import rows
import test_generic_713 as row_713
import xfs_db
from test_generic_713 import COUNT, RAINBOW, SELF, SIMPLE, UNIT

SHARED = "d0425612f15c6071022cf7127620f63d"


def with_share(filler, name):
    def filled(root):
        filler(root)
        rows.clone(root + name, root + "/share")
    return filled


def refcounts(image):
    """All records of both refcount btrees, as xfs_db prints them."""
    words = [part for ag in ("0", "1")
             for part in ("-c", "agf " + ag, "-c", "addr refcntroot", "-c", "p recs")]
    return subprocess.run([xfs_db.program(image.path), "-r", *words, image.path],
                          stdout=subprocess.PIPE, text=True, check=True).stdout


def overwrite(root):
    """What was shared is written elsewhere."""
    for name in ("/a", "/b"):
        rows.fill(root + name, 0x60, COUNT * UNIT)


class Generic714(row_713.Ranges):
    def run_row(self, features, filler, golden, shared):
        image = self.image(with_share(filler, "/a"), features)
        before = refcounts(image)
        self.assertIn("refcount", before)
        self.three(image, golden)
        self.assertEqual(image.md5("/share"), [shared])
        self.assertEqual(refcounts(image), before)
        for name in ("/a", "/b"):
            self.assertEqual(image.inode(name)["v3.reflink"], "1")
        image.judge()
        image.change(overwrite)
        self.assertEqual(image.md5("/share"), [shared])
        image.judge()

    def test_simple(self):
        for features in ("plain", "exchange"):
            with self.subTest(features):
                self.run_row(features, row_713.fill_simple, SIMPLE, SHARED)

    def test_rainbow(self):
        for features in ("plain", "rmapbt"):
            with self.subTest(features):
                self.run_row(features, row_713.fill_rainbow, RAINBOW, row_713.WOVEN)

    def test_ranges_of_one_file(self):
        image = self.image(with_share(row_713.fill_self, "/c"))
        image.exchange("/c", "/c", 3 * UNIT, (COUNT + 3) * UNIT, 5 * UNIT)
        self.assertEqual(image.md5("/c", "/share"), [SELF[1], SELF[0]])
        image.judge()


if __name__ == "__main__":
    unittest.main()
