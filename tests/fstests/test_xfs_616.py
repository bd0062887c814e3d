"""xfs/616: what is not written in the donor is left alone, preallocated blocks too."""

import unittest

import rows

TOTAL = 1 << 20
HINT = 1 << 20
XFLAG_EXTSIZE = 0x800


def fill(root):
    for letter, hint in (("r", 0), ("e", HINT)):
        for name in ("/da", "/db"):
            path = root + name + letter
            with open(path, "wb"):
                pass
            if hint:
                rows.set_flags(path, XFLAG_EXTSIZE, hint)
        rows.fill(root + "/da" + letter, 0x58, TOTAL)
        with open(root + "/db" + letter, "r+b") as file:
            file.truncate(TOTAL)
        rows.fallocate(root + "/db" + letter, 0, (640 << 10, 64 << 10))


class Xfs616(rows.Row):
    def test_nothing_written_nothing_changed(self):
        for features in ("plain", "rmapbt"):
            with self.subTest(features):
                image = self.image(fill, features)
                for letter in "re":
                    image.swap("/db" + letter, "/da" + letter, "--written")
                image.judge(ignore=("mtime_ns", "ctime_ns"))


if __name__ == "__main__":
    unittest.main()
