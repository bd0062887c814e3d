"""xfs/789: the rules of the older call."""

import os
import unittest

import rows
from support import xfsx

A, B = "af5c6e2d6c297f3139a4e99df396c072", "fba5c83875b2ab054e06a0284346ebdf"
C, D = "40c08c6f2aca19bb0d2cf1dbd8bc1b1c", "81615449a98aaaad8dc179b3bec87f38"
LIKE = "--like-swapext"


def fill(root):
    for name, byte, length in (("/a", 0x58, 256), ("/b", 0x59, 256), ("/c", 0x60, 256),
                               ("/d", 0x61, 128)):
        rows.fill(root + name, byte, length << 10)


def fill_fragmented(root):
    fill(root)
    rows.punch_alternating(root + "/b", 4096)
    rows.fill(root + "/other", 0x62, 256 << 10)
    os.chown(root + "/other", 1000, 0)


class Xfs789(rows.Row):
    def test_equal_sizes(self):
        for features in ("plain", "rmapbt"):
            with self.subTest(features):
                image = self.image(fill, features)
                self.assertEqual(image.md5("/a", "/b"), [A, B])
                before = [image.inode(name) for name in ("/a", "/b")]
                image.swap("/a", "/b", LIKE)
                self.assertEqual(image.md5("/a", "/b"), [B, A])
                for name, old in zip(("/a", "/b"), before):
                    new = image.inode(name)
                    times = [field for field in old if "time" in field]
                    self.assertEqual([new[f] for f in times], [old[f] for f in times])
                image.exchanges.append((b"/a", b"/b", 0, 0, None))
                image.judge(ignore=("mtime_ns", "ctime_ns"))

    def test_unequal_sizes(self):
        image = self.image(fill)
        image.refused(("/c", "/d", LIKE), "EFAULT")
        self.assertEqual(image.md5("/c", "/d"), [C, D])

    def test_only_whole_files(self):
        image = self.image(fill)
        for words in (("--length", 65536), ("--offset1", 4096), ("--offset2", 4096),
                      ("--offset1", 4096, "--length", 4096)):
            image.refused(("/a", "/b", LIKE, *words), "EFAULT")
        image.swap("/a", "/b", LIKE, "--length", 256 << 10)
        self.assertEqual(image.md5("/a", "/b"), [B, A])

    def test_the_target_must_not_have_fewer_mappings(self):
        """So that a defragmenter never makes a file worse."""
        image = self.image(fill_fragmented)
        image.refused(("/b", "/a", LIKE), "EINVAL")
        image.swap("/a", "/b", LIKE)
        image.refused(("/a", "/b", LIKE), "EINVAL")

    def test_one_file_and_written_blocks(self):
        image = self.image(fill)
        image.refused(("/a", "/b", LIKE, "--written"), "EINVAL")
        image.refused(("/a", "/a", LIKE), "EINVAL")

    def test_only_times_are_compared(self):
        """The exchange before changes the counter of changes, and no time."""
        image = self.image(fill)
        token = xfsx("fresh", image.path, "/b").out.strip()
        image.swap("/a", "/b", LIKE, "--fresh", token)
        self.assertNotEqual(xfsx("fresh", image.path, "/b").out.strip(), token)
        image.swap("/a", "/b", LIKE, "--fresh", token)
        image.refused(("/a", "/b", "--fresh", token), "EBUSY", rows.CHANGED)
        image.swap("/a", "/b")
        image.refused(("/a", "/b", LIKE, "--fresh", token), "EBUSY", rows.CHANGED)
        image.refused(("/a", "/d", LIKE, "--fresh", token), "EFAULT")


if __name__ == "__main__":
    unittest.main()
