"""`fresh` and `swap --fresh`: a target that has changed stays as it is."""

import base64
import json
import os
import struct
import unittest

import support
import xfs_patch
from support import xfsx

IMAGE = "debian12"
A, B = "/swap/range-a", "/swap/range-b"
CHANGED = 64        # exit status
# Where the fields of an inode core lie, and of what size they are.
FIELDS = {"mtime": (40, 8), "ctime": (48, 8), "size": (56, 8), "generation": (92, 4),
          "change count": (104, 8)}


class Fresh(unittest.TestCase):
    def setUp(self):
        self.image = support.copy_of(IMAGE)
        self.addCleanup(os.unlink, self.image)

    def token(self, name=B, image=None):
        done = xfsx("fresh", image or self.image, name)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out, r"\Axfsx1:[A-Za-z0-9+/]{96}\n\Z")
        return done.out.strip()

    def swap(self, token, *words):
        return xfsx("swap", self.image, A, B, "--fresh", token, *words)

    def stale(self, token, pattern, *words):
        before = support.digest(self.image)
        done = self.swap(token, *words)
        self.assertEqual(done.status, CHANGED, done.err)
        self.assertRegex(done.err, r"\A[^\n]*FILE2: [^\n]*%s[^\n]* \[EBUSY\]\n\Z" % pattern)
        self.assertEqual(support.digest(self.image), before)

    def core(self, name, field):
        at, size = FIELDS[field]
        image = xfs_patch.Image(self.image)
        number = self.number(name)
        return number, at, image.read(image.inode(number) + at, size)

    def number(self, name):
        return int(json.loads(xfsx("stat", self.image, name, "--json").out)["status"]["inode"])

    def test_a_file_that_is_what_it_was_is_exchanged(self):
        for words in ([], ["--length", "4096"], ["--offset1", "4096", "--offset2", "4096"]):
            with self.subTest(words):
                done = self.swap(self.token(), *words)
                self.assertEqual(done.status, 0, done.err)

    def test_every_exchange_ages_both(self):
        tokens = self.token(A), self.token(B)
        self.assertEqual(self.swap(tokens[1]).status, 0)
        self.stale(tokens[1], "has changed")
        self.assertNotEqual(self.token(A), tokens[0])

    def test_each_thing_that_may_change(self):
        token = self.token()
        for field in FIELDS:
            with self.subTest(field):
                number, at, old = self.core(B, field)
                image = xfs_patch.Image(self.image)
                new = (int.from_bytes(old, "big") + 1).to_bytes(len(old), "big")
                image.patch_inode(number, at, new)
                self.stale(token, "of another file" if field == "generation" else "has changed")
                image.patch_inode(number, at, old)
        self.assertEqual(self.swap(token).status, 0)

    def test_the_donor_may_change(self):
        token = self.token()
        number, at, old = self.core(A, "change count")
        xfs_patch.Image(self.image).patch_inode(number, at, struct.pack(">Q", 1 + int.from_bytes(
            old, "big")))
        self.assertEqual(self.swap(token).status, 0)

    def test_a_token_of_another_file_or_filesystem(self):
        self.stale(self.token(A), "another file")
        self.stale(self.token(A, support.image("nrext64")), "another filesystem")

    def test_what_is_wrong_with_the_range_is_said_after(self):
        """A range that no longer fits tells less than that the file has changed."""
        token = self.token()
        self.assertEqual(self.swap(token).status, 0)
        self.stale(token, "has changed", "--length", str(1 << 40))

    def test_a_dry_run_looks_too(self):
        token = self.token()
        self.assertEqual(self.swap(token, "-n").status, 0)
        self.assertEqual(self.swap(token).status, 0)
        self.stale(token, "has changed", "-n")

    def test_json(self):
        said = json.loads(xfsx("--json", "fresh", self.image, B).out)
        self.assertEqual((said["file"], said["token"]), (B, self.token()))
        self.swap(said["token"])
        done = self.swap(said["token"], "--json")
        error = json.loads(done.err)
        self.assertEqual((done.status, done.out, error["code"], error["errno"], error["operand"]),
                         (CHANGED, "", "changed", "EBUSY", 2))

    def test_what_is_in_a_token(self):
        raw = base64.b64decode(self.token().removeprefix("xfsx1:"))
        status = json.loads(xfsx("stat", self.image, B, "--json").out)["status"]
        self.assertEqual(struct.unpack(">16x5Q3I4x", raw), (
            int(status["inode"]), int(status["modified"]["sec"]), int(status["changed"]["sec"]),
            int(status["change_count"]), int(status["size"]), status["modified"]["nsec"],
            status["changed"]["nsec"], status["generation"]))

    def test_no_regular_file_and_no_token(self):
        done = xfsx("fresh", self.image, "/")
        self.assertEqual(done.status, 1)
        self.assertRegex(done.err, r"\[EISDIR\]\n\Z")
        for token in ("xfsx1:", "x", self.token()[:-1], self.token() + "A"):
            done = self.swap(token)
            self.assertEqual((done.status, done.out), (16, ""), done.err)


if __name__ == "__main__":
    unittest.main()
