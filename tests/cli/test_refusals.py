"""Bad input and what becomes of it: one line on stderr, the documented exit status, the image
untouched. Each case spoils a copy of a shipped image in one place."""

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import unittest

import support
import xfs_patch

IMAGE = "debian12"
READ = [("info",), ("ls",), ("stat", "/swap/one-a"), ("cat", "/swap/one-a")]
SWAP = ("swap", "/swap/one-a", "/swap/one-b")
DIR_BLOCK = "/dirs/block"
BTREE_FILE, BTREE_PEER = "/swap/many-b", "/swap/one-a"
BE32 = struct.Struct(">I")


def pending(number):
    """Makes the program start with a signal waiting for it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    os.kill(os.getpid(), number)


def inode_of(path):
    return support.entries(IMAGE)[path.encode()]["ino"]


class Refusals(unittest.TestCase):
    maxDiff = 2000

    def spoiled(self, change=None):
        path = support.copy_of(IMAGE)
        self.addCleanup(os.unlink, path)
        image = xfs_patch.Image(path)
        if change:
            change(image)
        return image

    def refused(self, image, verb, status, pattern):
        """The verb fails as documented, says one line, and leaves the image as it was."""
        path = image if isinstance(image, str) else image.path
        before = support.digest(path)
        done = support.xfsx(verb[0], path, *verb[1:])
        self.assertEqual(done.status, status, (verb, done.err))
        lines = done.err.splitlines()
        self.assertEqual(len(lines), 1, done.err)
        self.assertTrue(lines[0].startswith("xfsx: " + path + ": "), lines[0])
        self.assertRegex(lines[0], pattern)
        self.assertRegex(lines[0], r"\[E[A-Z0-9]+\]$")
        self.assertEqual(support.digest(path), before)

    def refused_by_all(self, image, status, pattern, reading=True):
        for verb in (READ if reading else []) + [SWAP]:
            with self.subTest(verb[0]):
                self.refused(image, verb, status, pattern)

    def test_no_xfs(self):
        self.refused_by_all(self.spoiled(lambda i: i.write(0, b"EXT4")), 4,
                            r"sb.*magicnum.*\[EUCLEAN\]")

    def test_a_compressed_image(self):
        packed = support.packed(IMAGE)
        before = os.stat(packed)
        done = support.xfsx(SWAP[0], packed, *SWAP[1:])
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertIn("a compressed image can only be read [EOPNOTSUPP]", done.err)
        self.assertEqual(os.stat(packed).st_mtime_ns, before.st_mtime_ns)

    def test_truncated(self):
        for size in (0, 300, 4096, 1 << 20):
            image = self.spoiled(lambda i, n=size: os.truncate(i.path, n))
            with self.subTest(size):
                self.refused_by_all(image, 4, r"\[EUCLEAN\]")

    def test_shorter_in_the_last_group_only(self):
        image = self.spoiled(lambda i: os.truncate(i.path, os.path.getsize(i.path) - 4096))
        self.refused_by_all(image, 4, r"sb.*field dblocks: found 16384, expected at most 16383")

    def test_version_4(self):
        self.refused(support.image("v4"), SWAP, 1, r"version 4 .*\[EOPNOTSUPP\]")

    def test_unknown_incompat(self):
        self.refused_by_all(self.spoiled(lambda i: i.patch_superblock(216, BE32.pack(0x8000000B))),
                            1, r"incompat.*0x80000000.*\[EOPNOTSUPP\]")

    def test_needs_repair(self):
        self.refused_by_all(self.spoiled(lambda i: i.patch_superblock(216, BE32.pack(0x1B))), 4,
                            r"NEEDSREPAIR.*xfs_repair.*\[EUCLEAN\]")

    def test_in_progress(self):
        self.refused_by_all(self.spoiled(lambda i: i.patch_superblock(126, b"\1")), 4,
                            r"sb.*field inprogress: found 1, expected 0 \[EUCLEAN\]")

    def writing_refused(self, image, pattern, warned):
        self.refused_by_all(image, 1, pattern, reading=False)
        done = support.xfsx("ls", image.path)
        self.assertEqual(done.status, 0, done.err)
        self.assertEqual(len(done.err.splitlines()), 1 if warned else 0, done.err)

    def test_unknown_ro_compat(self):
        image = self.spoiled(lambda i: i.patch_superblock(212, BE32.pack(0x4000000D)))
        self.writing_refused(image, r"unknown ro_compat.*0x40000000.*\[EOPNOTSUPP\]", warned=True)

    def test_the_stray_bit_of_a_repair(self):
        image = self.spoiled(lambda i: i.patch_superblock(212, BE32.pack(0x4D)))
        self.writing_refused(image, r"0x40.*xfs_repair.*\[EOPNOTSUPP\]", warned=True)

    def test_unknown_log_incompat(self):
        image = self.spoiled(lambda i: i.patch_superblock(220, BE32.pack(0x40000000)))
        self.writing_refused(image, r"log_incompat.*0x40000000.*\[EOPNOTSUPP\]", warned=False)

    def test_bad_checksums_on_the_way(self):
        file, directory = inode_of("/swap/one-a"), inode_of(DIR_BLOCK)
        root_file = inode_of(BTREE_FILE)
        cases = [
            ("superblock", lambda i: i.break_byte(108), READ + [SWAP], r"sb.*field crc"),
            ("agi", lambda i: i.break_byte(i.header(0, 2) + 16), [READ[2], SWAP], r"agi.*crc"),
            ("inobt", lambda i: i.break_byte(self.inobt_root(i) + 60), [READ[2], SWAP],
             r"inobt block.*crc"),
            ("inode", lambda i: i.break_byte(i.inode(file) + 30), [READ[3], SWAP], r"inode.*crc"),
            ("directory", lambda i: i.break_byte(self.first_block(directory) + 70),
             [("ls", DIR_BLOCK)], r"dir.*crc"),
            ("bmbt", lambda i: i.break_byte(self.root_pointer(root_file) + 100),
             [("cat", BTREE_FILE), ("swap", BTREE_FILE, BTREE_PEER)], r"bmbt block.*crc"),
        ]
        for what, change, verbs, pattern in cases:
            image = self.spoiled(change)
            for verb in verbs:
                with self.subTest(what, verb=verb[0]):
                    self.refused(image, verb, 4, pattern)

    def inobt_root(self, image):
        root, = BE32.unpack(image.read(image.header(0, 2) + 20, 4))
        return image.fsblock(root)

    def first_block(self, number):
        said = support.xfsx("inspect", support.image(IMAGE), "inode", str(number),
                            "u3.bmx[0].startblock")
        return self.clean().fsblock(int(said.out.split("=")[1]))

    def root_pointer(self, number):
        said = support.xfsx("inspect", support.image(IMAGE), "inode", str(number), "u3.bmbt.ptrs")
        return self.clean().fsblock(int(said.out.split("=")[1].split()[0].split(":")[-1]))

    def clean(self):
        return xfs_patch.Image(support.image(IMAGE))

    def test_a_mapping_that_points_outside(self):
        number = inode_of("/swap/one-a")

        def change(image):
            record = bytearray(image.read(image.inode(number) + 176, 16))
            low = int.from_bytes(record, "big")
            low |= ((1 << 30) - 1) << 21  # the start block
            image.patch_inode(number, 176, low.to_bytes(16, "big"))

        image = self.spoiled(change)
        for verb in (("cat", "/swap/one-a"), ("bmap", "/swap/one-a"), SWAP):
            with self.subTest(verb[0]):
                self.refused(image, verb, 4, r"startblock|blockcount")

    def test_a_directory_below_itself(self):
        root, below = inode_of("/"), inode_of("/swap")

        def change(image):
            entries = image.read(image.inode(root) + 176, 100)
            at = entries.index(BE32.pack(below)) + 176
            image.patch_inode(root, at, BE32.pack(root))

        image = self.spoiled(change)
        done = support.xfsx("ls", "-R", image.path, text=False)
        self.assertEqual(done.status, 4, done.err)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)

    def test_inspect_shows_what_fails(self):
        image = self.spoiled(lambda i: i.break_byte(i.header(0, 1) + 52))
        done = support.xfsx("inspect", image.path, "agf", "0")
        self.assertEqual(done.status, 4)
        self.assertIn("(bad)", done.out)
        self.assertRegex(done.err, r"\Axfsx: .*agf.*crc.*\[EUCLEAN\]\n\Z")

    def test_dirty_log(self):
        path = support.copy_of("dirty-log")
        self.addCleanup(os.unlink, path)
        self.refused(path, SWAP, 2, r"log is dirty.*mount.*\[EUCLEAN\]")
        for verb in (("info", path), ("ls", path)):
            done = support.xfsx(*verb)
            self.assertEqual(done.status, 0)
            self.assertRegex(done.err, r"\Axfsx: .*warning: the log is dirty.*\n\Z")

    def test_operands(self):
        image = self.spoiled()
        cases = [
            (("swap", "/swap/one-a", "/nowhere"), 1, r"FILE2.*\[ENOENT\]"),
            (("swap", "/nowhere", "/swap/one-a"), 1, r"FILE1.*\[ENOENT\]"),
            (("swap", "/swap", "/swap/one-a"), 1, r"FILE1.*\[EISDIR\]"),
            (("swap", "/swap/one-a", "/shapes/fifo"), 1, r"FILE2.*\[EINVAL\]"),
            (("swap", "/swap/one-a", "/refuse/immutable"), 1, r"FILE2.*\[EPERM\]"),
            (("swap", "/refuse/append-only", "/swap/one-a"), 1, r"FILE1.*\[EPERM\]"),
            (("swap", "/swap/one-a", "/swap/one-a"), 1, r"\[EINVAL\]"),
            (("stat", "/swap/one-a/below"), 1, r"\[ENOTDIR\]"),
            (("stat", "inode:99999999999"), 1, r"\[ENOENT\]"),
            (("cat", "/swap"), 1, r"\[EISDIR\]"),
            (("readlink", "/swap/one-a"), 1, r"\[EINVAL\]"),
            (("inspect", "agf", "9"), 1, r"\[EINVAL\]"),
            (("inspect", "sb", "no.such.field"), 1, r"\[ENOENT\]"),
        ]
        for verb, status, pattern in cases:
            with self.subTest(verb):
                self.refused(image, verb, status, pattern)

    def test_usage(self):
        path = support.image(IMAGE)
        for words in (["ls"], ["frobnicate", path], ["ls", "--frob", path], ["stat", path],
                      ["stat", path, "relative"], ["stat", path, "inode:x"],
                      ["swap", path, "/a"], ["swap", path, "/a", "/b", "/c"],
                      ["swap", path, "/a", "/b", "--length", "x"],
                      ["swap", path, "/a", "/b", "--redo", "f"], ["inspect", path, "nonsense"],
                      ["inspect", path, "inode"], ["recover", path, "--yes"],
                      ["--io=fast", "ls", path],
                      ["--hex-path", "stat", path, "2f7"]):
            with self.subTest(words):
                done = support.xfsx(*words)
                self.assertEqual((done.status, done.out), (16, ""))
                self.assertRegex(done.err, r"\Axfsx: [^\n]*\[EINVAL\]\n\Z")

    def test_missing(self):
        for verb in READ + [SWAP]:
            done = support.xfsx(verb[0], "/nowhere/image", *verb[1:])
            self.assertEqual(done.status, 8)
            self.assertRegex(done.err, r"\Axfsx: /nowhere/image: .*\[ENOENT\]\n\Z")

    def test_locked(self):
        image = self.spoiled()
        with open(image.path, "rb") as holder:
            fcntl.flock(holder, fcntl.LOCK_EX)
            self.refused(image, SWAP, 8, r"\[EBUSY\]")

    def test_signals_before_the_first_write(self):
        image = self.spoiled()
        before = support.digest(image.path)
        for number in (signal.SIGINT, signal.SIGTERM):
            for verb in (SWAP, ("cat", "/swap/many-a"), ("ls", "-R")):
                done = support.xfsx(verb[0], image.path, *verb[1:], text=False,
                                    preexec_fn=lambda n=number: pending(n))
                self.assertEqual(done.status, 32, (verb, done.err))
                self.assertRegex(done.err, r"\Axfsx: [^\n]*cancelled[^\n]*\[ECANCELED\]\n\Z")
        self.assertEqual(support.digest(image.path), before)

    def test_a_signal_asks_how_far_it_is(self):
        done = support.xfsx("cat", support.image(IMAGE), "/swap/many-a", text=False,
                            preexec_fn=lambda: pending(signal.SIGUSR1))
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, r"\Axfsx: [^\n]*bytes read: \d+ of \d+\n\Z")

    def test_full_output(self):
        path = support.image(IMAGE)
        for verb in (["ls", path], ["--json", "info", path], ["cat", path, "/swap/many-a"]):
            with self.subTest(verb), open("/dev/full", "wb") as full:
                done = subprocess.run([os.environ["XFSX"], *verb], stdout=full, check=False,
                                      stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 8)
                self.assertRegex(done.stderr.decode(), r"ENOSPC")

    def test_a_reader_that_leaves(self):
        done = subprocess.run("%s cat %s /swap/many-a | head -c 1 >/dev/null; "
                              "exit ${PIPESTATUS[0]}" % (os.environ["XFSX"], support.image(IMAGE)),
                              shell=True, executable="/bin/bash", check=False,
                              stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class OnDevices(unittest.TestCase):
    def loop(self, path, *options):
        done = subprocess.run(["losetup", "-f", "--show", *options, path], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            self.skipTest("no free loop device")
        device = done.stdout.decode().strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", device], check=True)
        return device

    def copy(self):
        path = support.copy_of(IMAGE)
        self.addCleanup(os.unlink, path)
        return path

    def refuses(self, target, verb, status, pattern, path):
        before = support.digest(path)
        done = support.xfsx(verb[0], target, *verb[1:])
        self.assertEqual(done.status, status, done.err)
        self.assertRegex(done.err, r"\Axfsx: " + re.escape(target) + r": [^\n]*" + pattern)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        self.assertEqual(support.digest(path), before)

    def test_sectors_below_the_devices(self):
        path = self.copy()
        device = self.loop(path, "--sector-size", "4096")
        for verb in (("info",), SWAP):
            self.refuses(device, verb, 4, r"sectsize: found 512, expected at least 4096", path)

    def test_attached_image(self):
        path = self.copy()
        self.loop(path)
        self.refuses(path, SWAP, 8, r"loop.*\[EBUSY\]\n\Z", path)

    @unittest.skipUnless(shutil.which("mount"), "mount is not here")
    def test_mounted(self):
        path = self.copy()
        device = self.loop(path)
        folder = os.path.join(support.scratch(), "mounted")
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run(["mount", "-t", "xfs", "-o", "ro,norecovery,nouuid", device, folder],
                              check=False, stderr=subprocess.PIPE)
        if done.returncode:
            self.skipTest("this kernel does not mount XFS")
        try:
            self.refuses(device, SWAP, 8, r"mounted.*\[EBUSY\]\n\Z", path)
        finally:
            subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    unittest.main()
