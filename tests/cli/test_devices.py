"""Filesystems whose log or realtime blocks are on devices of their own."""

import json
import os
import re
import struct
import subprocess
import unittest

import support
import xfs_patch
from support import xfsx

MIB = 1 << 20
LOGSTART, LOGBLOCKS = 48, 96


def sparse(name, size):
    path = os.path.join(support.scratch(), name)
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def moved_log(name):
    """A copy of an image with its log moved to a file of its own: the copy and that file."""
    image = xfs_patch.Image(support.copy_of(name))
    start, = struct.unpack(">Q", image.read(LOGSTART, 8))
    blocks, = struct.unpack(">I", image.read(LOGBLOCKS, 4))
    log = image.path + ".log"
    with open(log, "wb") as file:
        file.write(image.read(image.fsblock(start), blocks * image.block))
    image.patch_superblock(LOGSTART, bytes(8))
    return image.path, log


@unittest.skipUnless(support.have("mkfs.xfs"), "needs mkfs.xfs")
class MadeByMkfs(unittest.TestCase):
    def make(self, name, *words, **further):
        """An image of mkfs.xfs with further devices, and their paths."""
        image = sparse(name + ".img", 300 * MIB)
        paths = {kind: sparse("%s.%s" % (name, kind), size) for kind, size in further.items()}
        words = [word.format(**paths) for word in words]
        subprocess.run(["mkfs.xfs", "-f", "-q", *words, image], check=True)
        self.addCleanup(os.unlink, image)
        for path in paths.values():
            self.addCleanup(os.unlink, path)
        return (image, *paths.values())

    def test_a_log_of_its_own(self):
        image, log = self.make("external", "-l", "logdev={log},size=64m", log=64 * MIB)
        done = xfsx("--json", "info", "--log-dev", log, image)
        self.assertEqual((done.status, done.err), (0, ""))
        said = json.loads(done.out)
        self.assertEqual((said["log"]["internal"], said["log"]["state"]), (False, "clean"))
        self.assertEqual(said["log"]["blocks"] * said["geometry"]["block_size"], 64 * MIB)
        self.assertEqual(said["log_device"]["size"], str(64 * MIB))
        done = xfsx("--json", "log", "--log-dev", log, image)
        self.assertEqual(done.status, 0)
        self.assertEqual([e["kind"] for e in json.loads(done.out)["entries"]],
                         ["record", "unmount"])

    def test_a_log_of_another_filesystem(self):
        image, _ = self.make("one", "-l", "logdev={log},size=64m", log=64 * MIB)
        _, other = self.make("other", "-l", "logdev={log},size=64m", log=64 * MIB)
        done = xfsx("info", "--log-dev", other, image)
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, r"the log cannot be understood: log_record at log block 0: "
                                   r"field fs_uuid: found [0-9a-f-]+, expected [0-9a-f-]+")
        done = xfsx("log", "--log-dev", other, image)
        self.assertEqual(done.status, 4)
        self.assertIn("field fs_uuid", done.err)

    def test_blocks_that_hold_chunks_of_inodes(self):
        """A chunk has no blocks of its own there, and no alignment."""
        for size in ("65536", "32768"):
            image, = self.make("large-" + size, "-b", "size=" + size)
            done = xfsx("ls", image)
            self.assertEqual((done.status, done.out, done.err), (0, "", ""), size)
            root = json.loads(xfsx("--json", "info", image).out)["geometry"]["root_inode"]
            for words in ("sb", "agi 0", "inobt 0", "inode " + root):
                done = xfsx("inspect", image, *words.split())
                self.assertEqual((done.status, done.err), (0, ""), (size, words))

    def test_a_realtime_device(self):
        image, device = self.make("realtime", "-r", "rtdev={rt},size=32m", rt=32 * MIB)
        done = xfsx("--json", "info", "--rt-dev", device, image)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(json.loads(done.out)["realtime_device"]["size"], str(32 * MIB))
        os.truncate(device, 31 * MIB)
        for verb in ("info", "ls"):
            done = xfsx("--json", verb, "--rt-dev", device, image)
            self.assertEqual((done.status, done.out), (4, ""))
            error = json.loads(done.err)
            self.assertEqual((error["device"], error["code"], error["field"], error["found"],
                              error["expected"]),
                             ("realtime", "truncated", "rblocks", "8192", "7936"))


class MovedLog(unittest.TestCase):
    def test_a_dirty_log_is_read_where_it_is(self):
        image, log = moved_log("dirty-log")
        inside = json.loads(xfsx("--json", "log", support.image("dirty-log")).out)
        done = xfsx("--json", "log", "--log-dev", log, image)
        self.assertEqual(done.status, 0, done.err)
        outside = json.loads(done.out)
        self.assertEqual(outside["entries"], inside["entries"])
        self.assertEqual((outside["log"]["state"], outside["log"]["start_daddr"]), ("dirty", "0"))
        done = xfsx("ls", "--log-dev", log, image)
        self.assertEqual(done.status, 0)
        self.assertIn("the log is dirty", done.err)
        done = xfsx("inspect", "--log-dev", log, image, "log", "record.crc")
        self.assertRegex(done.out, r"^record.crc = 0x[0-9a-f]+ \(correct\)\n$")

    @unittest.skipUnless(support.have("xfs_logprint"), "needs xfs_logprint")
    def test_xfs_logprint_counts_the_same_records(self):
        image, log = moved_log("wrapped")
        judge = subprocess.run(["xfs_logprint", "-l", log, image], check=False, text=True,
                               stdout=subprocess.PIPE).stdout
        done = xfsx("--json", "log", "--log-dev", log, image)
        self.assertEqual(done.status, 0, done.err)
        records = [e for e in json.loads(done.out)["entries"] if e["kind"] == "record"]
        lsns = {"%d,%d" % (r["lsn"]["cycle"], r["lsn"]["block"]) for r in records}
        printed = {where for line in judge.splitlines() if line.startswith("cycle: ")
                   for where in re.findall(r"\slsn: (\d+,\d+)", line)}
        self.assertTrue(lsns)
        self.assertEqual(lsns - printed, set())

    def test_without_its_log_it_is_read_and_says_so(self):
        image, _ = moved_log("debian12")
        done = xfsx("--json", "ls", image)
        self.assertEqual(done.status, 0)
        self.assertEqual(json.loads(done.err)["code"], "unseen_log")
        self.assertEqual(json.loads(done.out)["entries"],
                         json.loads(xfsx("--json", "ls", support.image("debian12")).out)["entries"])
        self.assertEqual(json.loads(xfsx("--json", "info", image).out)["log"]["state"], "unseen")
        for words in (("log",), ("inspect", "log")):
            done = xfsx(words[0], image, *words[1:])
            self.assertEqual((done.status, done.out), (1, ""))
            self.assertRegex(done.err, r"which was not given \(--log-dev\) \[ENODEV\]\n$")

    def test_it_is_not_written(self):
        image, log = moved_log("debian12")
        before = support.digest(image), support.digest(log)
        for words in ((), ("-n",)):
            done = xfsx("swap", *words, "--log-dev", log, image, "/swap/one-a", "/swap/one-b")
            self.assertEqual((done.status, done.out), (1, ""))
            self.assertIn("the log is on an external device [EOPNOTSUPP]", done.err)
        self.assertEqual((support.digest(image), support.digest(log)), before)

    def test_a_log_device_that_is_too_short(self):
        image, log = moved_log("debian12")
        blocks = os.path.getsize(log) // 4096
        os.truncate(log, os.path.getsize(log) - 4096)
        for verb in ("ls", "log"):
            done = xfsx(verb, "--log-dev", log, image)
            self.assertEqual((done.status, done.out), (4, ""))
            self.assertIn("log device: sb: field logblocks: found %d, expected at most %d" %
                          (blocks, blocks - 1), done.err)

    def test_devices_that_the_filesystem_does_not_have(self):
        image, other = support.image("debian12"), sparse("further", MIB)
        for option, kind in (("--log-dev", "log"), ("--rt-dev", "realtime")):
            done = xfsx("ls", option, other, image)
            self.assertEqual((done.status, done.out), (1, ""))
            self.assertRegex(done.err, r"a %s device was given, but .* \[EINVAL\]\n$" % kind)
            done = xfsx("ls", option, "/nowhere/device", image)
            self.assertEqual((done.status, done.out), (8, ""))
            self.assertIn("%s device: cannot be opened: /nowhere/device [ENOENT]" % kind, done.err)

    def test_a_compressed_log(self):
        image, log = moved_log("wrapped")
        subprocess.run(["gzip", "-k", log], check=True)
        self.assertEqual(xfsx("log", "--log-dev", log + ".gz", image).out,
                         xfsx("log", "--log-dev", log, image).out)


if __name__ == "__main__":
    unittest.main()
