"""generic/723: a dry run changes nothing, and what it planned is then done."""

import os
import unittest

import rows

LENGTH = 256 << 10


def fill(root):
    for name, byte, first in (("/a", 0x58, 0), ("/b", 0x59, 1)):
        rows.fill(root + name, byte, LENGTH)
        rows.punch_alternating(root + name, 4096, first)
        os.chmod(root + name, 0o6755)


class Generic723(rows.Row):
    def test_dry_run(self):
        image = self.image(fill, "rmapbt")
        for words in ((), ("--length", 65536), ("--offset1", 4096, "--offset2", 8192)):
            with self.subTest(words):
                before = image.digest()
                planned = image.plan("/a", "/b", "-n", *words)
                self.assertEqual(image.digest(), before)
        whole = image.plan("/a", "/b", "-n")
        self.assertEqual(image.plan("/a", "/b"), whole)
        self.assertNotEqual(whole, planned)
        image.exchanges.append((b"/a", b"/b", 0, 0, None))
        image.judge()


if __name__ == "__main__":
    unittest.main()
