"""Every row about exchanges is tested here, or docs/testing.md says what it waits for."""

import os
import re
import unittest

import rows

ROW = re.compile(r"\b(generic|xfs)/(\d{3})\b")
# Every row of xfstests that exchanges files, or stresses what does.
ALL = {"generic": {18, 324, *range(709, 728), 752},
       "xfs": {42, 118, 122, 128, 206, 222, 227, 300, 328, 329, 330, 434, 436, 443, 537, 615, 616,
               617, 716, *range(789, 798), 823}}
# Nothing that an image has: swap files, limits of a process.
WITHOUT_MEANING = {("generic", 711), ("generic", 718), ("generic", 752)}


def tested():
    """Rows that the first line of a test here names; one more is a unit test."""
    found = {("xfs", 122)}
    for name in os.listdir(rows.HERE):
        if re.fullmatch(r"test_(generic|xfs)_\d+\.py", name):
            with open(os.path.join(rows.HERE, name), encoding="utf-8") as file:
                found.update(numbered(file.readline()))
    return found


def numbered(text):
    return {(kind, int(number)) for kind, number in ROW.findall(text)}


def open_rows():
    with open(os.path.join(rows.ROOT, "docs", "testing.md"), encoding="utf-8") as file:
        table = file.read().split("| open row |")[1].split("\n\n")[0]
    return {row for line in table.splitlines() for row in numbered(line.split("|")[1])
            if line.startswith("| ")}


class OpenRows(unittest.TestCase):
    def test_every_row_has_its_place(self):
        every = {(kind, number) for kind, numbers in ALL.items() for number in numbers}
        done, waiting = tested(), open_rows()
        print("rows of xfstests: %d tested, %d open" % (len(done), len(waiting)))
        self.assertEqual(done & waiting, set())
        self.assertEqual(done | waiting | WITHOUT_MEANING, every)


if __name__ == "__main__":
    unittest.main()
