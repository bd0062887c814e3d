"""generic/717: what is refused, and that nothing changes then."""

import os
import unittest

import rows
from rows import UNIT

XFLAG_IMMUTABLE = 0x8
COUNT = 64
END = COUNT * UNIT


def fill(root):
    for name, byte in (("/a", 0x58), ("/b", 0x59), ("/fixed", 0x60)):
        rows.fill(root + name, byte, END)
    for name, byte in (("/a37", 0x61), ("/b37", 0x62)):
        rows.fill(root + name, byte, 2 * UNIT + 37)
    rows.fill(root + "/b100", 0x63, 2 * UNIT + 100)
    rows.set_flags(root + "/fixed", XFLAG_IMMUTABLE)
    os.mkdir(root + "/directory")
    os.symlink("a", root + "/link")
    os.mkfifo(root + "/fifo")


def at(offset1, offset2, length):
    return ("--offset1", offset1, "--offset2", offset2, "--length", length)


CASES = (
    ("immutable", ("/fixed", "/b"), "EPERM"),
    ("immutable target", ("/a", "/fixed"), "EPERM"),
    ("directory", ("/directory", "/b"), "EISDIR"),
    ("directory as target", ("/a", "/directory"), "EISDIR"),
    ("link", ("/link", "/b"), "EINVAL"),
    ("fifo", ("/fifo", "/b"), "EINVAL"),
    ("unaligned offset 1", ("/a", "/b", *at(37, 0, UNIT)), "EINVAL"),
    ("unaligned offset 2", ("/a", "/b", *at(0, 61, UNIT)), "EINVAL"),
    ("unaligned length", ("/a", "/b", *at(0, 0, 17)), "EINVAL"),
    ("range 1 crosses the end", ("/a", "/b", *at(END - UNIT, 0, 2 * UNIT)), "EINVAL"),
    ("range 2 crosses the end", ("/a", "/b", *at(0, END - UNIT, 2 * UNIT)), "EINVAL"),
    ("both cross the end", ("/a", "/b", *at(END - UNIT, END - UNIT, 2 * UNIT)), "EINVAL"),
    ("range 1 beyond the end", ("/a", "/b", *at(END + UNIT, 0, UNIT)), "EINVAL"),
    ("range 2 beyond the end", ("/a", "/b", *at(0, END + UNIT, UNIT)), "EINVAL"),
    ("both beyond the end", ("/a", "/b", *at(END + UNIT, END + UNIT, UNIT)), "EINVAL"),
    ("the end of 1 into the middle", ("/a37", "/b", *at(2 * UNIT, 2 * UNIT, 37)), "EINVAL"),
    ("the end of 2 into the middle", ("/a", "/b37", *at(2 * UNIT, 2 * UNIT, 37)), "EINVAL"),
    ("ends that differ", ("/a37", "/b100", *at(2 * UNIT, 2 * UNIT, 37)), "EINVAL"),
    ("offsets that wrap", ("/a", "/b", *at(1 << 63, 0, UNIT)), "EINVAL"),
    ("a length that wraps", ("/a", "/b", *at(UNIT, 0, (1 << 64) - UNIT)), "EINVAL"),
    ("one file", ("/a", "/a"), "EINVAL"),
    ("one file to its end", ("/a", "/a", "--offset2", UNIT), "EINVAL"),
)


class Generic717(rows.Row):
    def test_refusals(self):
        image = self.image(fill)
        for name, words, errno_name in CASES:
            with self.subTest(name):
                image.refused(words, errno_name)
        image.judge()

    def test_what_is_close_to_them_is_done(self):
        image = self.image(fill)
        image.exchange("/a37", "/b37", 2 * UNIT, 2 * UNIT, 37)
        image.exchange("/a", "/b", END, END, 0)
        image.exchange("/a", "/b", END - UNIT, 0, UNIT)
        image.judge()


if __name__ == "__main__":
    unittest.main()
