"""Files with privileges in an image of the test's own, and what an exchange leaves of them."""

import os
import sys
import unittest

import support

sys.path.insert(0, os.path.join(support.ROOT, "tests", "oracle"))
from judging import xfsprogs  # noqa: E402

CAPABILITY = "security.capability"
# cap_net_bind_service, effective and permitted, as setcap(8) writes it.
VALUE = bytes.fromhex("0100000200040000" + 24 * "0")
NAMES = ("a", "b")


class Privileged(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.path = support.copy_of("debian12")
        self.addCleanup(os.unlink, self.path)

    def fill(self, mode=0o755, capability=True, more=()):
        """Two files of one size; MORE: attributes of both."""
        with support.Mounted(self.path) as point:
            for name in NAMES:
                path = os.path.join(point, name)
                with open(path, "wb") as file:
                    file.write(name.encode() * 10000)
                for key, value in more:
                    os.setxattr(path, key, value)
                os.chmod(path, mode)
                if capability:
                    os.setxattr(path, CAPABILITY, VALUE)

    def swap(self, *words):
        done = support.xfsx("swap", self.path, "/a", "/b", *words)
        self.assertEqual(done.status, 0, done.err)
        return done.out

    def left(self):
        """What Linux sees: for both files mode, attributes and the first byte."""
        with support.Mounted(self.path) as point:
            return [self.look(os.path.join(point, name)) for name in NAMES]

    @staticmethod
    def look(path):
        with open(path, "rb") as file:
            first = file.read(1).decode()
        attributes = {key: os.getxattr(path, key) for key in os.listxattr(path)}
        return os.stat(path).st_mode & 0o7777, attributes, first

    def sound(self):
        _, found = xfsprogs.repair_complaints(self.path, xfsprogs.repairs(), "after the swap")
        self.assertEqual(found, [])
