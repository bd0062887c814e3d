"""xfs/300: forks of inodes whose attribute forks begin at different places."""

import os
import unittest

import rows
from support import xfsx

BLOCK = 4096


def add_attribute(path, size):
    os.setxattr(path, "user.long" if size > 60 else "user.short", b"v" * size)


def fill(root):
    """Names say how many mappings a file has, and how long its attribute is."""
    for mappings in (1, 5, 19, 40):
        for size in (0, 16, 200):
            path = "%s/%d-%d" % (root, mappings, size)
            # An inode that gets its attribute first has its attribute fork where that needs it.
            with open(path, "wb"):
                if size:
                    add_attribute(path, size)
            rows.write(path, *((2 * i * BLOCK, 0x58 + mappings % 7, BLOCK)
                               for i in range(mappings)))


class Xfs300(rows.Row):
    def run_row(self, features):
        """Each pair is exchanged, or refused by name with the image as it was."""
        image = self.image(fill, features)
        names = ["/%d-%d" % (n, size) for n in (1, 5, 19, 40) for size in (0, 16, 200)]
        offsets = {image.inode(name)["core.forkoff"] for name in names}
        self.assertGreater(len(offsets), 1, offsets)
        done = 0
        for one, two in zip(names, names[4:] + names[:4]):
            planned = xfsx("swap", "-n", image.path, one, two)
            if planned.status:
                image.refused((one, two), "EOPNOTSUPP")
            else:
                image.exchange(one, two)
                done += 1
        self.assertGreater(done, 3)
        image.judge()

    def test_plain(self):
        self.run_row("plain")

    def test_with_reverse_mappings(self):
        self.run_row("rmapbt")


if __name__ == "__main__":
    unittest.main()
