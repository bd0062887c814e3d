"""extract: the tree that it leaves, walked by the kernel, is what the kernel's manifest of the
image says, field by field."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

import support
import xfs_patch

sys.path.insert(0, os.path.join(support.ROOT, "tests", "oracle"))
from judging import manifest as manifests  # noqa: E402

FACTS = ("type", "mode", "uid", "gid", "nlink", "mtime_ns", "rdev", "target", "target_bytes",
         "xattrs", "sha256", "same_inode_as")
UNIT = 1024
AS_ROOT = os.geteuid() == 0


ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def acl(owner, named, group, mask, other):
    """An ACL as setxattr takes it; `named` are (tag, permissions, id)."""
    entries = [(1, owner, 0xFFFFFFFF)] + named
    entries += [(4, group, 0xFFFFFFFF), (16, mask, 0xFFFFFFFF), (32, other, 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


def clean_names():
    return [n for n in support.v5_names() if support.manifest(n)["log"] == "clean"]


def extract(image, path, folder, *words, **how):
    device = support.realtime(image)
    done = support.xfsx("--json", "extract", *words, *device, image, path, folder, **how)
    return (json.loads(done.out) if done.out else None), done


def facts(entry):
    found = {key: entry.get(key) for key in FACTS}
    if entry["type"] != "dir":
        found["size"] = entry.get("size")
    return found


def written(entry):
    """Which units of a file hold bytes."""
    units = set()
    for offset, _, length, flags in entry.get("mappings", []):
        if "u" not in flags and offset < entry["size"]:
            end = min(offset + length, entry["size"])
            units.update(range(offset // UNIT, (end + UNIT - 1) // UNIT))
    return units


class Host:
    """A folder on a filesystem that knows all that XFS does: owners, attributes, reflinks."""

    def __init__(self):
        self.image = os.path.join(support.scratch(), "host.img")
        self.count = 0
        with open(self.image, "wb") as file:
            file.truncate(2 << 30)
        # The smallest blocks that an image has: any block of an image can be shared.
        subprocess.run(["mkfs.xfs", "-q", "-f", "-b", "size=1024", "-m", "reflink=1", self.image],
                       check=True)
        self.mounted = support.Mounted(self.image)
        self.point = self.mounted.__enter__()

    def folder(self):
        self.count += 1
        return os.path.join(self.point, str(self.count))

    def close(self):
        self.mounted.__exit__()
        os.remove(self.image)


@unittest.skipUnless(AS_ROOT, "needs root")
class Extract(unittest.TestCase):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        cls.host = Host()

    @classmethod
    def tearDownClass(cls):
        cls.host.close()

    def compare(self, wanted, folder):
        os.sync()
        found = {manifests.raw(e): e for e in manifests.walk(folder)}
        wanted = {manifests.raw(e): e for e in wanted}
        self.assertEqual(sorted(found), sorted(wanted))
        for path, entry in wanted.items():
            self.assertEqual(facts(found[path]), facts(entry), path)
            if "mappings" in entry:
                self.assertEqual(written(found[path]) - written(entry), set(), path)
        return found

    def test_trees_equal_their_manifests(self):
        links = shared = 0
        for name in clean_names():
            with self.subTest(name):
                folder = self.host.folder()
                wanted = support.manifest(name)["entries"]
                said, done = extract(support.image(name), "/", folder)
                self.assertEqual((done.status, done.err), (0, ""))
                found = self.compare(wanted, folder)
                self.assertEqual(sum("same_inode_as" in e for e in wanted),
                                 int(said["counts"]["hard_links"]))
                links += int(said["counts"]["hard_links"])
                shared += self.check_shared(wanted, found, said)
                again, done = extract(support.image(name), "/", folder)
                self.assertEqual((done.status, done.err), (0, ""))
                self.assertEqual(again["bytes_written"], "0")
                self.compare(wanted, folder)
        if support.SHIPPED:
            self.assertTrue(links and shared, (links, shared))

    def check_shared(self, wanted, found, said):
        """What two files of the image share whole blocks of, two files of the host share."""
        def is_shared(entry):
            return any("s" in flags for *_, flags in entry.get("mappings", []))

        ours = [p for e in wanted if is_shared(e) for p in [manifests.raw(e)]]
        for path in ours:
            self.assertTrue(is_shared(found[path]), path)
        if ours:
            self.assertGreater(int(said["bytes_shared"]), 0)
        return len(ours)

    def test_acls_and_capabilities(self):
        """ACLs lie on disk in a form of their own: Linux made them, and Linux reads them back."""
        image = os.path.join(support.scratch(), "acl.img")
        with open(image, "wb") as file:
            file.truncate(300 << 20)
        subprocess.run(["mkfs.xfs", "-q", "-f", image], check=True)
        with support.Mounted(image) as point:
            os.makedirs(point + "/d")
            os.setxattr(point + "/d", ACCESS, acl(7, [(2, 7, 12), (2, 5, 1 << 30)], 5, 5, 0))
            os.setxattr(point + "/d", DEFAULT, acl(7, [(2, 6, 77)], 5, 7, 1))
            with open(point + "/d/inherits", "w", encoding="ascii") as file:
                file.write("x")
            with open(point + "/d/privileged", "w", encoding="ascii") as file:
                file.write("y")
            os.removexattr(point + "/d/privileged", ACCESS)
            os.setxattr(point + "/d/privileged", "security.capability",
                        struct.pack("<5I", 0x02000000, 1 << 10, 0, 0, 0))
            os.chmod(point + "/d/privileged", 0o4711)
            os.sync()
            wanted = manifests.walk(point)
        names = {x["name"] for e in wanted for x in e.get("xattrs", [])}
        self.assertTrue({ACCESS, DEFAULT, "security.capability"} <= names, names)
        folder = self.host.folder()
        # Twice: the second time the folder has its default ACL already, which new files inherit.
        for run in range(2):
            said, done = extract(image, "/", folder)
            self.assertEqual((done.status, done.err), (0, ""))
            self.compare(wanted, folder)
            if run == 0:
                os.remove(folder + "/d/privileged")

    @support.shipped_only
    def test_one_file_and_a_dry_run(self):
        image, folder = support.image("debian12"), self.host.folder()
        said, done = extract(image, "/swap/mixed-a", folder, "--dry-run")
        self.assertEqual((done.status, [p["path"] for p in said["paths"]]), (0, ["mixed-a"]))
        self.assertFalse(os.path.exists(folder))
        _, done = extract(image, "/swap/mixed-a", folder)
        self.assertEqual((done.status, os.listdir(folder)), (0, ["mixed-a"]))
        entry = support.entries("debian12")[b"/swap/mixed-a"]
        self.assertEqual(support.digest(os.path.join(folder, "mixed-a")), entry["sha256"])
        done = support.xfsx("extract", "-n", image, "/names", folder, text=False)
        names = {p[len(b"/names/"):] for p in support.entries("debian12")
                 if p.startswith(b"/names/")}
        for name in names:
            self.assertIn(name + b"\n", done.out)

    @support.shipped_only
    def test_a_further_run_finishes_what_one_left(self):
        image, folder = support.image("debian12"), self.host.folder()
        wanted = support.manifest("debian12")["entries"]
        extract(image, "/", folder)
        entries = support.entries("debian12")
        # As an interruption leaves it: a part of a file, one that is missing, a changed one.
        part = ".xfsx-part.%d" % entries[b"/swap/many-a"]["ino"]
        os.rename(folder + "/swap/many-a", folder + "/swap/" + part)
        os.truncate(folder + "/swap/" + part, 5000)
        os.remove(folder + "/swap/one-b")
        with open(folder + "/swap/one-a", "ab") as file:
            file.write(b"more")
        os.chmod(folder + "/swap", 0o777)
        said, done = extract(image, "/", folder)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(said["counts"]["regular"], "3")
        self.compare(wanted, folder)

    @support.shipped_only
    def test_links_in_the_destination_are_not_followed(self):
        image, folder = support.image("debian12"), self.host.folder()
        outside = self.host.folder()
        os.makedirs(folder)
        os.makedirs(outside)
        os.symlink(outside, folder + "/swap")
        said, done = extract(image, "/", folder)
        self.assertEqual(done.status, 65)
        self.assertEqual(said["counts"]["errors"], "1")
        self.assertEqual(os.listdir(outside), [])
        self.assertTrue(os.path.islink(folder + "/swap"))
        self.assertTrue(os.path.isdir(folder + "/dirs"))

    @support.shipped_only
    def test_damage_is_told_and_the_rest_goes_on(self):
        image, folder = support.copy_of("debian12"), self.host.folder()
        bad = support.entries("debian12")[b"/swap/one-b"]["ino"]
        broken = xfs_patch.Image(image)
        broken.break_byte(broken.inode(bad) + 20)
        said, done = extract(image, "/", folder)
        self.assertEqual(done.status, 65)
        self.assertEqual(said["counts"]["errors"], "1")
        self.assertIn("/swap/one-b", done.err)
        self.assertFalse(os.path.exists(folder + "/swap/one-b"))
        self.assertTrue(os.path.exists(folder + "/swap/one-a"))

    @support.shipped_only
    def test_names_that_lead_out_are_refused(self):
        """As an attacker writes it: the checksum is right."""
        image, folder = support.copy_of("debian12"), self.host.folder()
        hostile = xfs_patch.Image(image)
        ino = support.entries("debian12")[b"/swap/sub"]["ino"]
        fork = hostile.read(hostile.inode(ino) + 176, 300)
        at = fork.find(b"bystander-")
        self.assertGreater(at, 0)
        hostile.patch_inode(ino, 176 + at, b"../../evil")
        said, done = extract(image, "/", folder)
        self.assertEqual(done.status, 65)
        self.assertEqual(said["counts"]["errors"], "1")
        self.assertIn("/swap/sub", done.err)
        self.assertTrue(os.path.isdir(folder + "/swap/sub"))
        self.assertFalse([n for n in os.listdir(self.host.point) if "evil" in n])


class WithoutRights(unittest.TestCase):
    @support.shipped_only
    @unittest.skipUnless(AS_ROOT, "needs root")
    def test_what_is_not_permitted_is_told(self):
        """As another user: no owners, no devices, no set-id bits."""
        image = support.image("debian12")
        os.chmod(support.scratch(), 0o755)
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            target = os.path.join(folder, "out")
            said, done = extract(image, "/", target, user=65534, group=65534, extra_groups=[])
            self.assertEqual(done.status, 65, done.err)
            devices = sum(e["type"] in ("char", "block")
                          for e in support.manifest("debian12")["entries"])
            self.assertEqual(int(said["counts"]["errors"]), devices)
            self.assertGreater(int(said["counts"]["owners_left_out"]), 0)
            self.assertEqual(os.lstat(target + "/swap/one-a").st_uid, 65534)


if __name__ == "__main__":
    unittest.main()
