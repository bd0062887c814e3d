"""xfs/206: mkfs.xfs says `exchange=`; here, what it makes then is known and exchanged."""

import unittest

import rows
from support import xfsx


def fill(root):
    rows.fill(root + "/a", 0x58, 256 << 10)
    rows.fill(root + "/b", 0x59, 128 << 10)


class Xfs206(rows.Row):
    def test_exchange_is_a_known_feature(self):
        image = self.image(fill, "exchange")
        self.assertRegex(xfsx("info", image.path).out, r"\bexchrange\b|\bexchange\b")
        image.exchange("/a", "/b")
        image.judge()


if __name__ == "__main__":
    unittest.main()
