"""xfs/443: two files at the boundary between mappings in the inode and in a btree."""

import unittest

import rows
from support import xfsx

BLOCK = 4096


def filler(rounds):
    """Half as many mappings each as there are rounds, and a file without any for what is taken."""
    def fill(root):
        for name, byte in (("/a", 0x58), ("/b", 0x59)):
            rows.fill(root + name, byte, rounds * BLOCK)
            rows.punch_alternating(root + name, BLOCK, 1)
        with open(root + "/sink", "wb") as file:
            file.truncate(2 * rounds * BLOCK)
    return fill


def free_space(image):
    """Blocks in the free list, blocks of the trees of free space, and free blocks of each AG."""
    return [[xfsx("inspect", image.path, "agf", ag, field).out
             for field in ("flcount", "btreeblks", "freeblks")] for ag in ("0", "1")]


class Xfs443(rows.Row):
    def move(self, image, number, rounds):
        """A block of the file that is now /a, to its place in the sink or back from there."""
        at = number // 2 * 2 * BLOCK
        home = at + number % 2 * rounds * BLOCK
        image.swap("/a", "/sink", "--offset1", at, "--offset2", home, "--length", BLOCK)

    def run_row(self, features, rounds):
        """Each round exchanges both files and takes a mapping from one; then all goes back."""
        image = self.image(filler(rounds), features)
        before = free_space(image)
        for number in range(rounds):
            self.move(image, number, rounds)
            image.swap("/a", "/b")
        for name in ("/a", "/b"):
            self.assertEqual(image.inode(name)["core.nextents"], "0")
        for number in reversed(range(rounds)):
            image.swap("/a", "/b")
            self.move(image, number, rounds)
        self.assertEqual(free_space(image), before)
        image.judge(ignore=("mtime_ns", "ctime_ns", "mappings"))

    def test_plain(self):
        self.run_row("plain", 200)

    def test_with_reverse_mappings(self):
        self.run_row("rmapbt", 60)


if __name__ == "__main__":
    unittest.main()
