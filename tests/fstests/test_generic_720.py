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
    def test_contents_change_places(self):
        image = self.image(fill, "block1k", 512 << 20)
        old = image.md5("/a", "/b")
        began = time.monotonic()
        plan = image.plan("/a", "/b")
        print("generic/720: %.2f s, %d bytes of log" % (time.monotonic() - began,
                                                    int(plan["log_bytes"])))
        self.assertGreater(int(plan["file1"]["mappings"]["before"]), COUNT // 2 - 1)
        self.assertEqual(image.md5("/b", "/a"), old)
        image.exchanges.append((b"/a", b"/b", 0, 0, None))
        image.judge()


if __name__ == "__main__":
    unittest.main()
