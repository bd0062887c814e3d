"""generic/720: two files of 50,000 mappings each."""

import time
import unittest

import rows

BLOCK = 1024
COUNT = 100_000
WRITTEN = 1000      # one of so many blocks holds data, the others are preallocated


def fill(root):
    """Each has the blocks that the other has not."""
    for name, byte, first in (("/a", 0x58, 1), ("/b", 0x59, 0)):
        path = root + name
        rows.fallocate(path, 0, (0, COUNT * BLOCK))
        rows.punch_alternating(path, BLOCK, first)
        rows.write(path, *((at * BLOCK, byte, BLOCK)
                           for at in range(1 - first, COUNT, WRITTEN)))


class Generic720(rows.Row):
    def measured(self, image, *words):
        began = time.monotonic()
        plan = image.plan("/a", "/b", *words)
        print("generic/720: %s %s: %.2f s, %s bytes of log"
              % (" ".join(map(str, words)) or "whole files", plan["way"],
                 time.monotonic() - began, plan["log_bytes"]))
        return plan

    def test_contents_change_places(self):
        """Whole files, then all but their first and last blocks as a range."""
        image = self.image(fill, "block1k", 512 << 20)
        old = image.md5("/a", "/b")
        plan = self.measured(image)
        self.assertGreater(int(plan["file1"]["mappings"]["before"]), COUNT // 2 - 1)
        self.assertEqual(image.md5("/b", "/a"), old)
        length = (COUNT - 2) * BLOCK
        self.measured(image, "--offset1", BLOCK, "--offset2", BLOCK, "--length", length)
        image.exchanges += [(b"/a", b"/b", 0, 0, None), (b"/a", b"/b", BLOCK, BLOCK, length)]
        image.judge()


if __name__ == "__main__":
    unittest.main()
