"""`--undo` and `xfsx undo`: what is taken back, what is refused, and what is said."""

import json
import os
import stat
import unittest

import support
import xfs_patch
from support import xfsx

IMAGE = "debian12"
A, B = "/swap/range-a", "/swap/range-b"
REFUSED, DAMAGED, OPERATIONAL, USAGE = 1, 4, 8, 16


class Undo(unittest.TestCase):
    name = IMAGE

    def setUp(self):
        self.image = support.copy_of(self.name)
        self.file = self.image + ".undo"
        self.before = support.digest(self.image)

    def tearDown(self):
        for path in (self.image, self.file):
            if os.path.exists(path):
                os.unlink(path)

    def run_xfsx(self, *words, status=0):
        done = xfsx(*words)
        self.assertEqual(done.status, status, done.err)
        return done

    def swap(self, *words, status=0):
        return self.run_xfsx("swap", "--undo", self.file, self.image, A, B, *words, status=status)

    def undo(self, *words, status=0):
        return self.run_xfsx("undo", *words, self.image, self.file, status=status)

    def refused(self, status, pattern, *words):
        now = support.digest(self.image)
        done = self.undo(*words, status=status)
        self.assertRegex(done.err, r"\Axfsx: [^\n]*%s[^\n]*\n\Z" % pattern)
        self.assertEqual(done.out, "")
        self.assertEqual(support.digest(self.image), now)

    def cat(self):
        return [xfsx("cat", self.image, name, text=False).out for name in (A, B)]


class TakenBack(Undo):
    def test_every_byte_is_as_it_was(self):
        old = self.cat()
        self.swap()
        self.assertEqual(self.cat(), old[::-1])
        self.assertNotEqual(support.digest(self.image), self.before)
        done = self.undo()
        self.assertIn("found: done\n", done.out)
        self.assertTrue(done.out.endswith("result: restored\n"))
        self.assertEqual(support.digest(self.image), self.before)

    def test_the_exchange_is_the_same_with_an_undo_file(self):
        other = support.copy_of(self.name)
        self.addCleanup(os.unlink, other)
        now = {"environment": {"SOURCE_DATE_EPOCH": "1900000000"}}
        self.assertEqual(xfsx("swap", other, A, B, **now).status, 0)
        self.assertEqual(xfsx("swap", self.image, A, B, "--undo", self.file, **now).status, 0)
        self.assertEqual(support.digest(self.image), support.digest(other))

    def test_twice_is_nothing_to_do(self):
        self.swap()
        self.undo()
        self.assertIn("there was nothing to restore", self.undo().out)
        self.assertEqual(support.digest(self.image), self.before)

    def test_a_dry_run_writes_nothing(self):
        self.swap()
        now = support.digest(self.image)
        self.assertIn("nothing was written", self.undo("-n").out)
        self.assertEqual(support.digest(self.image), now)
        self.undo()
        self.assertEqual(support.digest(self.image), self.before)

    def test_a_dry_run_of_the_exchange_makes_no_file(self):
        self.swap("-n")
        self.assertFalse(os.path.exists(self.file))
        self.assertEqual(support.digest(self.image), self.before)

    def test_in_order_of_the_changes_backwards(self):
        self.swap()
        between = support.digest(self.image)
        second = self.file + "2"
        self.addCleanup(os.unlink, second)
        self.run_xfsx("swap", "--undo", second, self.image, "/swap/one-a", "/swap/one-b")
        self.refused(REFUSED, r"log: field head: .*was cycle \d+ block \d+ \[ESTALE\]")
        self.run_xfsx("undo", self.image, second)
        self.assertEqual(support.digest(self.image), between)
        self.undo()
        self.assertEqual(support.digest(self.image), self.before)

    def test_an_interrupted_undo_is_marked_and_goes_on(self):
        """The mark alone is what the first write of an undo leaves."""
        self.swap()
        swapped = xfs_patch.Image(self.image)
        with open(support.image(self.name), "rb") as file:
            superblock = file.read(swapped.sector)
        with open(self.image, "r+b") as file:
            file.write(superblock)
        xfs_patch.Image(self.image).patch_superblock(126, b"\x01")
        done = self.run_xfsx("info", self.image, status=DAMAGED)
        self.assertIn("field inprogress: found 1, expected 0", done.err)
        self.assertIn("found: undoing\n", self.undo("-n").out)
        self.undo()
        self.assertEqual(support.digest(self.image), self.before)


class Refused(Undo):
    def test_a_file_that_exists(self):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("mine")
        done = self.swap(status=REFUSED)
        self.assertRegex(done.err, r"the undo file exists already: [^\n]* \[EEXIST\]\n\Z")
        self.assertEqual(os.path.getsize(self.file), 4)
        self.assertEqual(support.digest(self.image), self.before)

    def test_a_refused_exchange_leaves_no_file(self):
        done = self.run_xfsx("swap", "--undo", self.file, self.image, A, "/nowhere",
                             status=REFUSED)
        self.assertIn("[ENOENT]", done.err)
        self.assertFalse(os.path.exists(self.file))
        self.assertEqual(support.digest(self.image), self.before)

    def test_no_folder_for_the_file(self):
        self.file = "/nowhere/undo"
        self.assertIn("[ENOENT]", self.swap(status=OPERATIONAL).err)
        self.assertEqual(support.digest(self.image), self.before)

    def test_the_file_is_for_its_owner(self):
        self.swap()
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)

    def test_no_file(self):
        self.refused(OPERATIONAL, r"cannot open the undo file: .* \[ENOENT\]")

    def test_what_is_no_undo_file(self):
        with open(self.file, "wb") as file:
            file.write(bytes(4096))
        self.refused(DAMAGED, r"undo file at byte 0: field magic: this is no undo file \[EUCLEAN\]")

    def test_a_file_that_was_cut(self):
        self.swap()
        size = os.path.getsize(self.file) // 2
        os.truncate(self.file, size)
        self.refused(DAMAGED, r"undo file at byte %d: the file ends here" % size)

    def test_a_file_that_is_damaged(self):
        self.swap()
        with open(self.file, "r+b") as file:
            file.seek(1000)
            byte = file.read(1)[0]
            file.seek(1000)
            file.write(bytes([byte ^ 1]))
        self.refused(DAMAGED, r"undo file at byte \d+: field crc: found 0x\w+, expected 0x\w+")

    def test_another_filesystem(self):
        self.swap()
        os.unlink(self.image)
        self.image = support.copy_of("nrext64")
        self.refused(REFUSED, r"the undo file (is of another|was made for)[^\n]*\[EINVAL\]")

    def test_a_sector_that_somebody_else_wrote(self):
        self.swap()
        xfs_patch.Image(self.image).patch_superblock(108, b"another\0")
        self.refused(REFUSED, r"byte 0: is neither as it was before the change [^\n]*\[ESTALE\]")

    def test_after_a_mount(self):
        self.swap()
        with support.Mounted(self.image) as point:
            with open(os.path.join(point, "new"), "w", encoding="utf-8") as file:
                file.write("data")
        self.refused(REFUSED, r"\[ESTALE\]")
        self.refused(REFUSED, r"\[ESTALE\]", "-n")

    def test_usage(self):
        self.assertEqual(xfsx("undo", self.image).status, USAGE)


class Mark(Undo):
    def test_linux_mounts_no_half_restored_image(self):
        xfs_patch.Image(self.image).patch_superblock(126, b"\x01")
        with self.assertRaises(AssertionError):
            with support.Mounted(self.image):
                pass

    def test_linux_mounts_what_was_restored(self):
        old = self.cat()
        self.swap()
        self.undo()
        with support.Mounted(self.image) as point:
            for name, data in zip((A, B), old):
                with open(point + name, "rb") as file:
                    self.assertEqual(file.read(), data)


class Json(Undo):
    def test_what_was_saved_and_restored(self):
        swapped = json.loads(self.swap("--json").out)["undo"]
        self.assertEqual(swapped["file"], self.file)
        self.assertGreater(os.path.getsize(self.file), int(swapped["bytes"]))
        said = json.loads(self.undo("--json").out)
        self.assertEqual((said["verb"], said["dry_run"]), ("undo", False))
        undo = said["undo"]
        self.assertEqual(undo["found"], "done")
        self.assertEqual({key: undo[key] for key in swapped}, swapped)
        info = json.loads(xfsx("--json", "info", self.image).out)
        self.assertEqual(undo["uuid"], info["filesystem"]["uuid"])
        self.assertTrue(undo["log_before"]["clean"] and undo["log_after"]["clean"])
        self.assertEqual(undo["log_before"]["head"], info["log"]["head"])

    def test_errors(self):
        done = self.undo("--json", status=OPERATIONAL)
        self.assertEqual(json.loads(done.err)["code"], "missing")


class Four(TakenBack):
    """The same where sectors are of 4096 bytes."""

    name = "sector4k"


if __name__ == "__main__":
    unittest.main()
