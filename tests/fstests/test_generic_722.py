"""generic/722: what was said to be done is done, whatever becomes of the program then."""

import os
import signal
import subprocess
import unittest

import rows


def fill(root):
    rows.fill(root + "/a", 0x58, 256 << 10)
    rows.fill(root + "/b", 0x59, 256 << 10)


class Generic722(rows.Row):
    def test_killed_once_it_has_spoken(self):
        image = self.image(fill, "rmapbt")
        old = image.md5("/a", "/b")
        with subprocess.Popen([os.environ["XFSX"], "swap", image.path, "/a", "/b"],
                              stdout=subprocess.PIPE) as program:
            self.assertTrue(program.stdout.read(1))
            program.send_signal(signal.SIGKILL)
        self.assertEqual(image.md5("/b", "/a"), old)
        image.exchanges.append((b"/a", b"/b", 0, 0, None))
        image.judge()


if __name__ == "__main__":
    unittest.main()
