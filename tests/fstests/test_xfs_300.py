"""xfs/300: forks of inodes whose attribute forks begin at different places."""

import os
import unittest

import rows

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
        image = self.image(fill, features)
        names = ["/%d-%d" % (n, size) for n in (1, 5, 19, 40) for size in (0, 16, 200)]
        offsets = {image.inode(name)["core.forkoff"] for name in names}
        self.assertGreater(len(offsets), 1, offsets)
        for one, two in zip(names, names[4:] + names[:4]):
            image.exchange(one, two)
        image.judge()

    def test_plain(self):
        self.run_row("plain")

    def test_with_reverse_mappings(self):
        self.run_row("rmapbt")


if __name__ == "__main__":
    unittest.main()
