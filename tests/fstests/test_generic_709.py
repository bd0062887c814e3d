"""generic/709: an exchange between files of two owners leaves the counts of quota right."""

import json
import os
import struct
import subprocess

import quota_rows
from quota_rows import FEATURES, QFLAGS_AT, QUOTA, swap
import support
import xfs_patch

BUILD = os.environ.get("XFSX_BUILD") or os.path.join(quota_rows.ROOT, "build", "gcc")
CRASH = os.path.join(BUILD, "tests", "xfsx_crash")
UQUOTINO_AT = 160
RECORD, BCOUNT_AT = 136, 47     # the last byte of the count
SIZE = 256 << 10        # of the files
OWNERS = (("u", 5001, 5002), ("g", 6001, 6002), ("p", 11, 12))


def blocks_of(path, name):
    """KiB that an inode has, its mapping btree among them."""
    status = json.loads(support.xfsx("stat", path, name, "--json").out)["status"]
    return int(status["blocks"]) * xfs_patch.Image(path).block // 1024


class Generic709(quota_rows.QuotaRow):
    def judge(self, path, *exchanges):
        """Exchanges; whoever counts comes to the same."""
        before = blocks_of(path, "/a"), blocks_of(path, "/b")
        for operands in exchanges:
            done = swap(path, *operands)
            self.assertEqual((done.status, done.err), (0, ""))
        after = blocks_of(path, "/a"), blocks_of(path, "/b")
        self.assertNotEqual(before, after)
        self.assert_silent(path)
        used = self.used(path)
        for kind, first, second in OWNERS:
            self.assertEqual((used[kind, first], used[kind, second]), after)
        self.assertEqual(self.recounted(path), used)

    def test_whole_files(self):
        for features in FEATURES:
            with self.subTest(features):
                self.judge(self.make(features), ("/b", "/a"))

    def test_a_range_brings_a_btree(self):
        self.judge(self.make("modern"), ("/a", "/b", "--length", str(SIZE // 2)))

    def test_ranges_of_one_file_make_it_need_a_btree(self):
        self.judge(self.make("modern"), *(
            ("/b", "/b", "--offset1", str(at), "--offset2", str(SIZE // 2 + at), "--length", "4096")
            for at in range(0, 64 << 10, 8 << 10)))

    def test_a_missing_dquot_asks_for_a_recount(self):
        path = self.make("plain")
        number = int(json.loads(support.xfsx("stat", path, "/b", "--json").out)
                     ["status"]["inode"])
        xfs_patch.Image(path).patch_inode(number, 8, struct.pack(">I", 5_000_000))
        done = swap(path, "/b", "/a")
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, "warning:.*quota")
        used = self.used(path)
        self.assertEqual((used["u", 5001], used["u", 5_000_000]),
                         (blocks_of(path, "/a"), blocks_of(path, "/b")))
        self.assertEqual((used["g", 6001], used["g", 6002]),
                         (blocks_of(path, "/a"), blocks_of(path, "/b")))


def place_of_dquot(path, ident):
    """Where the record of a user lies in an image."""
    image = xfs_patch.Image(path)
    file, = struct.unpack(">Q", image.read(UQUOTINO_AT, 8))
    block, slot = divmod(ident, image.block // RECORD)
    for first, start, length in image.mappings(file):
        if first <= block < first + length:
            return image.fsblock(start + block - first) + slot * RECORD
    raise ValueError("no dquot of %d" % ident)


class PowerCut(quota_rows.QuotaRow):
    """Counts are old with old files and new with new ones, whoever mounts first."""

    def states(self, *options, count):
        done = subprocess.run([CRASH, support.packed("quota"), "/swap/one-a", "/swap/one-b",
                               "--sample", str(count), "--slots", self.folder, "--slot-count",
                               str(count), *options], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, check=True)
        told = [line.split() for line in done.stdout.splitlines() if line.startswith("state ")]
        self.assertTrue(told)
        return [(words[3], os.path.join(self.folder, words[1] + ".img")) for words in told]

    def test_mounts_with_quota(self):
        for options, count in ((("--only", "before"), 2), (("--only", "home"), 4)):
            for name, path in self.states(*options, count=count):
                with self.subTest(name):
                    self.used(path, "--write")
                    self.assert_silent(path)

    def test_mounts_without_quota_ask_for_a_recount(self):
        for name, path in self.states("--only", "home", count=2):
            with self.subTest(name):
                self.in_vm(path, "true", "--write", mount="noquota")
                self.assert_silent(path)
                flags, = struct.unpack(">H", xfs_patch.Image(path).read(QFLAGS_AT, 2))
                self.assertEqual(flags, 0)
                self.used(path)

    def test_a_record_cut_in_half_is_healed(self):
        for mount in (QUOTA, "noquota"):
            (_, path), = self.states("--only", "home", count=1)
            at = place_of_dquot(path, 1000)
            xfs_patch.Image(path).break_byte(at + BCOUNT_AT)
            with self.subTest(mount):
                self.in_vm(path, "true", "--scrub=both", "--write", mount=mount)
                self.assert_silent(path)
