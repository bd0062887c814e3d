"""What `xfsx swap` leaves of privileges that were given to files, as Linux then sees them."""

import json
import unittest

import privileges
import support
from privileges import CAPABILITY, VALUE

MORE = [("user.%02d" % i, b"v" * i) for i in range(40)]


class Privileges(privileges.Privileged):
    def test_like_root_in_linux(self):
        self.fill(0o6777)
        planned = json.loads(self.swap("-n", "--json"))["plan"]
        plan = json.loads(self.swap("--json"))["plan"]
        self.assertEqual(plan, planned)
        for side in ("file1", "file2"):
            self.assertTrue(plan[side]["capability_removed"])
            self.assertFalse(plan[side]["set_id_cleared"])
        self.sound()
        self.assertEqual(self.left(), [(0o6777, {}, "b"), (0o6777, {}, "a")])

    def test_kept(self):
        self.fill(0o6777)
        self.swap("--keep-privileges")
        self.sound()
        self.assertEqual(self.left(), [(0o6777, {CAPABILITY: VALUE}, "b"),
                                       (0o6777, {CAPABILITY: VALUE}, "a")])

    def test_dropped(self):
        self.fill(0o6755)
        plan = json.loads(self.swap("--drop-privileges", "--json"))["plan"]
        self.assertTrue(plan["file1"]["set_id_cleared"])
        self.sound()
        self.assertEqual(self.left(), [(0o755, {}, "b"), (0o755, {}, "a")])

    def test_other_attributes_stay(self):
        self.fill(more=MORE)
        self.swap()
        self.sound()
        self.assertEqual(self.left(), [(0o755, dict(MORE), "b"), (0o755, dict(MORE), "a")])

    def test_a_range(self):
        self.fill()
        self.swap("--length", "4096")
        self.sound()
        self.assertEqual(self.left(), [(0o755, {}, "b"), (0o755, {}, "a")])

    def test_an_empty_range(self):
        self.fill()
        self.swap("--length", "0")
        self.assertEqual(self.left(), [(0o755, {}, "a"), (0o755, {}, "b")])

    def test_the_older_call_leaves_them(self):
        self.fill(0o6777)
        self.swap("--like-swapext")
        self.assertEqual(self.left(), [(0o6777, {CAPABILITY: VALUE}, "b"),
                                       (0o6777, {CAPABILITY: VALUE}, "a")])

    def test_both_options_are_wrong_usage(self):
        done = support.xfsx("swap", self.path, "/a", "/b", "--keep-privileges",
                            "--drop-privileges")
        self.assertEqual(done.status, 16)
        self.assertRegex(done.err, "exclude each other")


if __name__ == "__main__":
    unittest.main()
