"""What holds for every verb: help, version, exit statuses, where messages go."""

import json
import os
import subprocess
import tempfile
import unittest


def xfsx(*arguments):
    return subprocess.run([os.environ["XFSX"], *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)


class Conventions(unittest.TestCase):
    def test_help_and_version(self):
        for option in ("--help", "--version"):
            with self.subTest(option):
                done = xfsx(option)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("xfsx", done.stdout)

    def test_usage_is_16(self):
        for words in ([], ["no-such-verb"], ["info"], ["info", "--no-such-option", "x"],
                      ["swap", "image", "/only-one"], ["--io=sometimes", "info", "x"]):
            with self.subTest(words):
                done = xfsx(*words)
                self.assertEqual((done.returncode, done.stdout), (16, ""))
                self.assertNotEqual(done.stderr, "")

    def test_missing_image_is_8(self):
        done = xfsx("info", "/nowhere/image")
        self.assertEqual((done.returncode, done.stdout), (8, ""))
        self.assertRegex(done.stderr, r"/nowhere/image.*\[ENOENT\]\n\Z")

    def test_not_xfs_is_4_and_untouched(self):
        with tempfile.NamedTemporaryFile() as image:
            image.write(b"x" * (1 << 20))
            image.flush()
            for words in (["info", image.name], ["swap", image.name, "/a", "/b"]):
                with self.subTest(words):
                    done = xfsx(*words)
                    self.assertEqual((done.returncode, done.stdout), (4, ""))
            with open(image.name, "rb") as again:
                self.assertEqual(again.read(), b"x" * (1 << 20))

    def test_json_errors_are_objects(self):
        done = xfsx("--json", "info", "/nowhere/image")
        self.assertEqual(done.returncode, 8)
        for line in done.stderr.splitlines():
            self.assertEqual(json.loads(line)["kind"], "error")


if __name__ == "__main__":
    unittest.main()
