"""xfs/617: a realtime extent of several blocks moves as a whole if the donor wrote any of it."""

import os
import subprocess
import unittest

import realtime_rows
import rows
import support
from realtime_rows import BLOCK, FEATURES, UNIT
from quota_rows import swap

UNITS = 5
# The donor's blocks in each unit, `w` written, `u` preallocated, `-` a hole; and which units move.
CASES = (
    ("--- uww --- --- ---", "01000"),
    ("--- wuw --- --- ---", "01000"),
    ("--- wwu --- --- ---", "01000"),
    ("--- wwu uww --- ---", "01100"),
    ("--- wwu --- uww ---", "01010"),
    ("--- wwu uuu uww ---", "01010"),
    ("--- uuu uww --- ---", "00100"),
)


def fill():
    """A script that makes file aN and donor bN of case N."""
    lines = []
    for number, (donor, _) in enumerate(CASES):
        lines.append("xfs_io -f -c 'pwrite -q -S 0x58 0 %d' -c fsync $MNT/a%d"
                     % (UNITS * UNIT, number))
        words = ["xfs_io -f -c 'truncate %d'" % (UNITS * UNIT)]
        blocks = donor.replace(" ", "")
        words += ["-c 'falloc %d %d'" % (at * BLOCK, BLOCK) for at, state in enumerate(blocks)
                  if state == "u"]
        words += ["-c 'pwrite -q -S 0x59 %d %d'" % (at * BLOCK, BLOCK)
                  for at, state in enumerate(blocks) if state == "w"]
        lines.append(" ".join([*words, "-c fsync", "$MNT/b%d" % number]))
    return "\n".join(lines)


def written(donor):
    return b"".join((b"\x59" if state == "w" else b"\0") * BLOCK
                    for state in donor.replace(" ", ""))


def mixed(moves, when_moved, otherwise):
    return b"".join((when_moved if move == "1" else otherwise)[at * UNIT:(at + 1) * UNIT]
                    for at, move in enumerate(moves))


class Xfs617(realtime_rows.RealtimeRow):
    def check(self, path):
        for number, (donor, moves) in enumerate(CASES):
            with self.subTest(donor):
                one, two = self.contents(path, "/a%d" % number, "/b%d" % number)
                old, new = b"\x58" * UNITS * UNIT, written(donor)
                self.assertEqual(one, mixed(moves, new, old))
                self.assertEqual(two, mixed(moves, old, new))

    def test_units_move_as_a_whole(self):
        for name in FEATURES if rows.FULL else ("plain", "rmapbt"):
            with self.subTest(name):
                path = self.make_files(FEATURES[name], fill())
                for number in range(len(CASES)):
                    done = swap(path, "--written", "/b%d" % number, "/a%d" % number)
                    self.assertEqual((done.status, done.err), (0, ""))
                self.check(path)
                self.assert_silent(path)
                sums = self.in_vm(path, "cd $MNT; md5sum a* b*", "--scrub=both", mount="")
                self.assertEqual(sums, self.sums(path))

    def sums(self, path):
        folder = os.path.join(self.folder, "sums")
        os.makedirs(folder, exist_ok=True)
        names = [letter + str(number) for letter in "ab" for number in range(len(CASES))]
        for name, data in zip(names, self.contents(path, *("/" + n for n in names))):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        return subprocess.run(["md5sum", *names], cwd=folder, stdout=subprocess.PIPE, text=True,
                              check=True).stdout

    def test_ranges_are_of_whole_units(self):
        path = self.make_files(FEATURES["plain"], fill())
        before = support.digest(path)
        for words in (("--offset1", BLOCK, "--offset2", 0, "--length", UNIT),
                      ("--offset1", UNIT, "--offset2", BLOCK, "--length", UNIT),
                      ("--offset1", 0, "--offset2", UNIT, "--length", 2 * BLOCK)):
            done = swap(path, "/b0", "/a0", *map(str, words))
            self.assertEqual(done.status, 1)
            self.assertRegex(done.err, r"multiple of the allocation unit.* \[EINVAL\]\n$")
        self.assertEqual(support.digest(path), before)


if __name__ == "__main__":
    unittest.main()
