"""Where a filesystem lies inside an image: partitions, and qcow2."""

import json
import os
import struct
import subprocess
import unittest

import support
from support import xfsx

MIB = 1 << 20
IMAGE, FILE = "debian12", "/swap/many-a"


def run(*words, **how):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)


def listing(path, *options):
    done = xfsx("ls", "-lR", *options, path, text=False)
    return done.status, done.out


class Base(unittest.TestCase):
    def path(self, name):
        path = os.path.join(support.scratch(), name)
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        return path

    def refused(self, path, pattern, *options, status=1):
        done = xfsx("ls", *options, path)
        self.assertEqual((done.status, done.out), (status, ""), done.err)
        self.assertRegex(done.err, pattern)


@unittest.skipUnless(support.have("sfdisk"), "needs sfdisk")
class Partitions(Base):
    def disk(self, table, filled):
        """A disk with a partition table, and the image in the partitions that start at `filled`."""
        path = self.path("disk.img")
        with open(path, "wb") as file:
            file.truncate(300 * MIB)
        run("sfdisk", "-q", path, input=table.encode())
        for start in filled:
            run("dd", "if=" + support.image(IMAGE), "of=" + path, "bs=1M", "seek=%d" % start,
                "conv=notrunc,sparse", "status=none")
        return path

    def check(self, table, start, number):
        path = self.disk(table, [start])
        want = listing(support.image(IMAGE))
        self.assertEqual(want[0], 0)
        self.assertEqual(listing(path), want)
        self.assertEqual(listing(path, "--partition", str(number)), want)
        device = json.loads(xfsx("--json", "info", path).out)["device"]
        self.assertEqual((device["partition"], device["offset"]), (number, str(start * MIB)))
        self.refused(path, r"no partition of this number; there are: .*%d.* \[ENXIO\]" % number,
                     "--partition", "77")
        return path

    def test_gpt(self):
        self.check("label: gpt\nstart=1MiB,size=10MiB\nstart=20MiB,size=64MiB\n", 20, 2)

    def test_mbr_and_a_logical_partition(self):
        self.check("label: dos\nstart=1MiB,size=10MiB\nstart=20MiB,size=270MiB,type=5\n"
                   "start=21MiB,size=10MiB\nstart=40MiB,size=64MiB\n", 40, 6)

    def test_a_choice_is_not_made(self):
        path = self.disk("label: gpt\nstart=1MiB,size=64MiB\nstart=80MiB,size=8MiB\n"
                         "start=100MiB,size=64MiB\n", [1, 100])
        self.refused(path, r"several partitions hold XFS.*: 1, 3 \[EINVAL\]")
        self.assertEqual(listing(path, "--partition", "3"), listing(support.image(IMAGE)))
        self.refused(path, r"magicnum", "--partition", "2", status=4)

    def test_an_offset_is_believed(self):
        path = self.disk("label: gpt\nstart=1MiB,size=64MiB\n", [1])
        self.assertEqual(listing(path, "--offset", str(MIB)), listing(support.image(IMAGE)))
        self.refused(path, r"magicnum", "--offset", "0", status=4)

    def test_no_table(self):
        self.refused(support.image(IMAGE), r"no partition table \[ENXIO\]", "--partition", "1")

    def test_files_are_exchanged_in_a_partition(self):
        path = self.disk("label: gpt\nstart=20MiB,size=64MiB\n", [20])
        before = [xfsx("cat", path, "/swap/one-" + s, text=False).out for s in "ab"]
        self.assertEqual(xfsx("swap", path, "/swap/one-a", "/swap/one-b").status, 0)
        after = [xfsx("cat", path, "/swap/one-" + s, text=False).out for s in "ab"]
        self.assertEqual(after, before[::-1])


@unittest.skipUnless(support.have("qemu-img"), "needs qemu-img")
class Qcow2(Base):
    def convert(self, *options, name="image.qcow2"):
        path = self.path(name)
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", *options, support.image(IMAGE), path)
        return path

    def same(self, path):
        self.assertEqual(listing(path), listing(support.image(IMAGE)))
        self.assertEqual(xfsx("cat", path, FILE, text=False).out,
                         xfsx("cat", support.image(IMAGE), FILE, text=False).out)

    def test_versions_clusters_and_compression(self):
        for options in (["-o", "compat=0.10"], ["-o", "compat=1.1"], ["-c"],
                        ["-c", "-o", "compat=0.10"], ["-o", "cluster_size=512"],
                        ["-c", "-o", "cluster_size=2M"]):
            with self.subTest(options):
                self.same(self.convert(*options))

    def test_a_chain_of_backing_files(self):
        base = self.convert(name="base.qcow2")
        overlay = self.path("overlay.qcow2")
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b",
            os.path.basename(base), overlay)
        self.same(overlay)
        raw = self.path("raw.qcow2")
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", support.image(IMAGE), raw)
        self.same(raw)

    def test_a_chain_that_comes_back(self):
        path = self.convert(name="loop.qcow2")
        run("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", os.path.basename(path), path)
        self.refused(path, r"its own backing file \[ELOOP\]")

    def test_it_is_only_read(self):
        path = self.convert()
        before = support.digest(path)
        done = xfsx("swap", path, "/swap/one-a", "/swap/one-b")
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertIn("a qcow2 image can only be read [EOPNOTSUPP]", done.err)
        self.assertEqual(support.digest(path), before)

    def test_what_is_not_understood_is_refused_by_name(self):
        for options, pattern in (
                (["-o", "extended_l2=on"], "extended L2 entries"),
                (["-c", "-o", "compression_type=zstd"], "something but zlib")):
            with self.subTest(options):
                self.refused(self.convert(*options), pattern + r" \[EOPNOTSUPP\]")
        for at, value, pattern in ((32, 2, "encrypted"), (76, 4, "in another file")):
            path = self.convert()
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(struct.pack(">I", value))
            self.refused(path, pattern + r" \[EOPNOTSUPP\]")

    def test_damage_is_located(self):
        for at, data, pattern in (
                (20, struct.pack(">I", 40), r"field cluster_bits: found 40, expected at most 21"),
                (24, b"\x7f" + b"\xff" * 7, r"field size"),
                (36, struct.pack(">I", 0), r"field l1_size: found 0, expected at least 1"),
                (40, struct.pack(">Q", 1 << 50), r"field l1_table_offset")):
            path = self.convert()
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(data)
            with self.subTest(pattern):
                self.refused(path, r"qcow2 at byte \d+: " + pattern, status=4)
        path = self.convert()
        with open(path, "r+b") as file:
            file.seek(40)
            table, = struct.unpack(">Q", file.read(8))
            file.seek(table)
            file.write(struct.pack(">Q", 1 << 50))
        self.refused(path, r"qcow2 at byte %d: field L1 entry" % table, status=4)


if __name__ == "__main__":
    unittest.main()
