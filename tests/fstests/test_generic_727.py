"""generic/727: security.capability goes from both files, whoever exchanges them."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cli"))
import privileges  # noqa: E402


class Generic727(privileges.Privileged):
    def capabilities(self):
        return [attributes.get(privileges.CAPABILITY) for _, attributes, _ in self.left()]

    def test_gone(self):
        for words in ((), ("--drop-privileges",)):
            with self.subTest(words):
                self.fill()
                self.swap(*words)
                self.assertEqual(self.capabilities(), [None, None])
        self.sound()

    def test_kept_on_request(self):
        self.fill()
        self.swap("--keep-privileges")
        self.assertEqual(self.capabilities(), [privileges.VALUE, privileges.VALUE])
        self.sound()


if __name__ == "__main__":
    unittest.main()
