"""No row: a filesystem whose every free block Linux has handed out, but for what it keeps back."""

import errno
import os
import subprocess
import unittest

import rows
from support import xfsx

BLOCK = 4096
LENGTH = 120    # blocks of a file, every other of which is a mapping
FILES = 60


def use_up(root):
    """Writes until Linux says that there is nothing left, its reserve included."""
    subprocess.run(["xfs_io", "-x", "-c", "resblks 0", root], check=True,
                   stdout=subprocess.DEVNULL)
    fd = os.open(root + "/rest", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        size = 4 << 20
        at = 0
        while size >= BLOCK:
            try:
                os.posix_fallocate(fd, at, size)
                at += size
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
        os.fsync(fd)
    finally:
        os.close(fd)


def filler(root):
    for number in range(FILES):
        name = root + "/many-%d" % number
        rows.fill(name, 0x58, LENGTH * BLOCK)
        rows.punch_alternating(name, BLOCK, 1)
        with open(root + "/sparse-%d" % number, "wb") as file:
            file.truncate(LENGTH * BLOCK)
    for name, byte in (("/few", 0x59), ("/other", 0x5a)):
        rows.write(root + name, *((2 * i * BLOCK, byte, BLOCK) for i in range(4)))
    use_up(root)


class FullFilesystem(rows.Row):
    def run_with(self, features):
        image = self.image(filler, features)
        # Half of a file's mappings are too many for the inode that gets them: a block for a btree.
        taken, half = 0, LENGTH // 2 * BLOCK
        while taken < FILES:
            pair = ["/many-%d" % taken, "/sparse-%d" % taken]
            done = xfsx("swap", image.path, *pair, "--length", str(half))
            if done.status != 0:
                break
            image.exchanges.append((*map(os.fsencode, pair), 0, 0, half))
            taken += 1
        self.assertLess(taken, FILES)
        image.refused([*pair, "--length", half], "ENOSPC")
        # Nothing is needed for these.
        image.exchange("/few", "/other")
        image.exchange("/few", "/other", BLOCK, 0, 3 * BLOCK)
        image.exchange(*pair)
        image.judge(ignore=("mappings",))

    def test_plain(self):
        self.run_with("plain")

    def test_with_reverse_mappings(self):
        self.run_with("rmapbt")


if __name__ == "__main__":
    unittest.main()
