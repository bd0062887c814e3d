"""What `xfsx swap` changes, says and refuses, beyond what the judges of whole images look at."""

import json
import os
import struct
import subprocess
import tempfile
import unittest

import support
import xfs_patch

IMAGE = "debian12"
A, B = "/swap/range-a", "/swap/range-b"
BLOCK = 4096
NREXT64, REFLINK = 1 << 4, 1 << 1


def inode_of(path, name):
    status = json.loads(support.xfsx("stat", path, name, "--json").out)["status"]
    return int(status["inode"])


def contents(path, name):
    return support.xfsx("cat", path, name, text=False).out


class Swap(unittest.TestCase):
    def fresh(self, name=IMAGE):
        path = support.copy_of(name)
        self.addCleanup(os.unlink, path)
        return path

    def swap(self, path, *words, **how):
        done = support.xfsx("swap", path, *words, **how)
        self.assertEqual(done.status, 0, done.err)
        return done

    def core(self, path, name, *fields):
        image = xfs_patch.Image(path)
        raw = image.read(image.inode(inode_of(path, name)), image.inode_size)
        return [struct.unpack_from(form, raw, at)[0] for form, at in fields]


class Contents(Swap):
    def test_a_range_changes_places_and_nothing_else(self):
        path = self.fresh()
        a, b = contents(path, A), contents(path, B)
        start1, start2, length = 3 * BLOCK, 7 * BLOCK, 5 * BLOCK
        self.swap(path, A, B, "--offset1", str(start1), "--offset2", str(start2), "--length",
                  str(length))
        self.assertEqual(contents(path, A),
                         a[:start1] + b[start2:start2 + length] + a[start1 + length:])
        self.assertEqual(contents(path, B),
                         b[:start2] + a[start1:start1 + length] + b[start2 + length:])

    def test_to_the_end_of_both_files(self):
        tail = "/swap/mixed-a"
        path = self.fresh()
        for one, two, start1, start2 in ((A, B, 32, 1), (A, tail, 3, 7), (tail, B, 0, 1)):
            a, b = contents(path, one), contents(path, two)
            start1, start2 = start1 * BLOCK, start2 * BLOCK
            self.swap(path, one, two, "--offset1", str(start1), "--offset2", str(start2))
            self.assertEqual(contents(path, one), a[:start1] + b[start2:])
            self.assertEqual(contents(path, two), b[:start2] + a[start1:])

    def test_a_range_of_a_file_with_a_btree(self):
        path, many = self.fresh(), "/swap/many-a"
        a, b = contents(path, many), contents(path, A)
        self.swap(path, many, A, "--offset1", str(2 * BLOCK), "--length", str(3 * BLOCK))
        self.assertEqual(contents(path, many),
                         a[:2 * BLOCK] + b[:3 * BLOCK] + a[5 * BLOCK:])
        self.assertEqual(contents(path, A), a[2 * BLOCK:5 * BLOCK] + b[3 * BLOCK:])

    def test_ranges_of_one_file(self):
        path = self.fresh()
        a = contents(path, A)
        self.swap(path, A, A, "--offset2", str(4 * BLOCK), "--length", str(2 * BLOCK))
        one, two = a[:2 * BLOCK], a[4 * BLOCK:6 * BLOCK]
        self.assertEqual(contents(path, A), two + a[2 * BLOCK:4 * BLOCK] + one + a[6 * BLOCK:])

    def test_a_fork_that_does_not_fit(self):
        path, names = self.fresh(), ("/refuse/long-fork", "/refuse/small-area")
        old = [contents(path, name) for name in names]
        self.swap(path, *names)
        self.assertEqual([contents(path, name) for name in reversed(names)], old)

    def test_twice_is_as_before(self):
        path = self.fresh()
        a, b = contents(path, A), contents(path, B)
        for _ in range(2):
            self.swap(path, A, B, "--offset1", "0", "--offset2", str(BLOCK), "--length",
                      str(9 * BLOCK))
        self.assertEqual((contents(path, A), contents(path, B)), (a, b))

    def test_a_dry_run_plans_what_the_swap_then_does(self):
        path = self.fresh()
        before = support.digest(path)
        planned = json.loads(self.swap(path, A, B, "-n", "--json").out)["plan"]
        self.assertEqual(support.digest(path), before)
        done = json.loads(self.swap(path, A, B, "--json").out)["plan"]
        self.assertEqual(planned, done)

    def test_an_empty_range_changes_only_times(self):
        path = self.fresh()
        a, b = contents(path, A), contents(path, B)
        self.swap(path, A, B, "--length", "0", environment={"SOURCE_DATE_EPOCH": "1000000000"})
        self.assertEqual((contents(path, A), contents(path, B)), (a, b))


class Cores(Swap):
    def test_times_and_change_counter_advance_in_both(self):
        path = self.fresh()
        fields = ((">Q", 40), (">Q", 48), (">Q", 104), (">Q", 144))
        before = [self.core(path, name, *fields) for name in (A, B)]
        self.swap(path, A, B, environment={"SOURCE_DATE_EPOCH": "1900000000"})
        stamp = (1900000000 + (1 << 31)) * 10**9
        for name, (_, _, count, born) in zip((A, B), before):
            self.assertEqual(self.core(path, name, *fields), [stamp, stamp, count + 1, born])

    def test_the_reflink_flag_goes_with_the_fork(self):
        path = self.fresh()
        self.swap(path, "/swap/shared-a", A)
        self.assertFalse(self.core(path, "/swap/shared-a", (">Q", 120))[0] & REFLINK)
        self.assertTrue(self.core(path, A, (">Q", 120))[0] & REFLINK)

    def test_a_range_leaves_the_reflink_flag_in_both(self):
        path = self.fresh()
        self.swap(path, "/swap/shared-a", A, "--length", str(BLOCK))
        for name in ("/swap/shared-a", A):
            self.assertTrue(self.core(path, name, (">Q", 120))[0] & REFLINK)

    def test_large_extent_counts_are_set_in_both(self):
        path = self.fresh("nrext64")
        image = xfs_patch.Image(path)
        number = inode_of(path, A)
        flags, = self.core(path, A, (">Q", 120))
        count, = self.core(path, A, (">Q", 24))
        small = struct.pack(">QIH", 0, count, 0)
        image.patch_inode(number, 120, struct.pack(">Q", flags & ~NREXT64))
        image.patch_inode(number, 24, small[:8])
        image.patch_inode(number, 76, small[8:])
        self.swap(path, A, B)
        for name in (A, B):
            self.assertTrue(self.core(path, name, (">Q", 120))[0] & NREXT64)


class Quota(Swap):
    def accounted(self, path):
        image = xfs_patch.Image(path)
        image.patch_superblock(176, struct.pack(">H", 0x0007))
        return image

    def flags(self, path):
        return struct.unpack_from(">H", xfs_patch.Image(path).read(176, 2))[0]

    def test_owners_that_differ_ask_for_a_recount(self):
        path = self.fresh()
        self.accounted(path)
        done = self.swap(path, "/swap/one-a", "/swap/one-b")
        self.assertRegex(done.err, r"warning:.*quota")
        self.assertEqual(self.flags(path), 0x0003)

    def test_owners_that_agree_do_not(self):
        path = self.fresh()
        self.accounted(path)
        done = self.swap(path, A, B)
        self.assertEqual(done.err, "")
        self.assertEqual(self.flags(path), 0x0007)


class Refused(Swap):
    def refused(self, path, words, number, pattern):
        before = support.digest(path)
        done = support.xfsx("swap", path, *words)
        self.assertEqual(done.status, number, done.err)
        self.assertRegex(done.err, r"\A[^\n]*%s[^\n]*\n\Z" % pattern)
        self.assertEqual(support.digest(path), before)

    def test_ranges(self):
        path = self.fresh()
        size = 131072
        tail = "/swap/mixed-a"
        cases = [
            ((A, B, "--offset1", str(size + BLOCK), "--length", str(BLOCK)), "EINVAL"),
            ((A, B, "--offset2", str(size + BLOCK), "--length", str(BLOCK)), "EINVAL"),
            ((A, B, "--offset1", "512", "--length", str(BLOCK)), "EINVAL"),
            ((A, B, "--offset2", "512", "--length", str(BLOCK)), "EINVAL"),
            ((A, B, "--length", "512"), "EINVAL"),
            ((A, B, "--length", str(size + BLOCK)), "EINVAL"),
            ((A, B, "--offset1", str(size - BLOCK), "--length", str(2 * BLOCK)), "EINVAL"),
            ((A, B, "--length", str(2**64 - BLOCK), "--offset1", str(BLOCK)), "EINVAL"),
            ((tail, A, "--length", "86003"), "EINVAL"),
            ((A, A, "--length", str(2 * BLOCK), "--offset2", str(BLOCK)), "EINVAL"),
            ((A, A, "--offset2", str(size)), "EINVAL"),
            ((A, B, "--offset1", str(size + BLOCK)), "EINVAL"),
            ((A, B, "--offset2", "512"), "EINVAL"),
        ]
        for words, name in cases:
            with self.subTest(words):
                self.refused(path, words, 1, r"\[%s\]" % name)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_a_full_host_disk(self):
        folder = tempfile.mkdtemp(dir=support.scratch())
        self.addCleanup(os.rmdir, folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        path = os.path.join(folder, "image")
        subprocess.run(["cp", "--sparse=always", support.image(IMAGE), path], check=True)
        os.chmod(path, 0o644)
        with open(os.path.join(folder, "filler"), "wb", buffering=0) as filler:
            with self.assertRaises(OSError):
                while True:
                    filler.write(bytes(1 << 16))
        self.refused(path, (A, B), 8, r"no room on the host.*\[ENOSPC\]")


if __name__ == "__main__":
    unittest.main()
