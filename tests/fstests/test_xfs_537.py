"""xfs/537 and xfs/615: what would give a file too many mappings fails, and changes nothing.

Linux counts more mappings than an exchange can make, so it refuses files of 7 and 8 mappings where
10 are allowed. Here the result counts: whole files may be exchanged, and a range that makes more
may not.
"""

import unittest

import rows

BLOCK = 4096
LIMIT = ("--max-extents", 10)


def fill(root):
    """7 and 8 mappings: a block, a hole, a block ... and one long one."""
    for name, byte, count in (("/a", 0x58, 6), ("/b", 0x59, 7)):
        rows.write(root + name, *((2 * i * BLOCK, byte, BLOCK) for i in range(count)),
                   (32 * BLOCK, byte, 32 * BLOCK))


class Limits(rows.Row):
    def limited(self, *more):
        for features in ("plain", "rmapbt", "nrext64"):
            with self.subTest(features):
                image = self.image(fill, features)
                self.assertEqual([image.inode(name)["core.format"] for name in ("/a", "/b")],
                                 ["2 (extents)"] * 2)
                image.refused(("/a", "/b", "--max-extents", 7, *more), "EFBIG")
                image.swap("/a", "/b", *LIMIT, *more)
                yield image


class Xfs537(Limits):
    def test_like_swapext(self):
        for image in self.limited("--like-swapext"):
            image.refused(("/b", "/a", "--like-swapext", "--max-extents", 6), "EFBIG")


class Xfs615(Limits):
    def test_whole_files_and_ranges(self):
        for image in self.limited():
            ranged = ("--offset1", 40 * BLOCK, "--offset2", 0, "--length", 14 * BLOCK)
            image.refused(("/b", "/a", *ranged, *LIMIT), "EFBIG")
            image.swap("/b", "/a", *ranged)


if __name__ == "__main__":
    unittest.main()
