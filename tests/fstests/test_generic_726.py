"""generic/726: who is not root loses set-user-ID and set-group-ID of both files; root does not."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cli"))
import privileges  # noqa: E402

MODES = {0o6666: 0o666, 0o6676: 0o676, 0o6766: 0o766, 0o6777: 0o777}


class Generic726(privileges.Privileged):
    def modes(self):
        return [mode for mode, _, _ in self.left()]

    def test_as_a_user(self):
        for before, after in MODES.items():
            with self.subTest(oct(before)):
                self.fill(before, capability=False)
                self.swap("--drop-privileges")
                self.assertEqual(self.modes(), [after, after])
        self.sound()

    def test_as_root(self):
        for mode in MODES:
            with self.subTest(oct(mode)):
                self.fill(mode, capability=False)
                self.swap()
                self.assertEqual(self.modes(), [mode, mode])
        self.sound()


if __name__ == "__main__":
    unittest.main()
