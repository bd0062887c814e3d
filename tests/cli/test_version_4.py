"""Version 4 filesystems: what only they have, and what is refused of them. That every field and
every file of their images is right, test_inspect_fields.py and test_manifests.py show."""

import json
import os
import struct
import unittest

import support
import xfs_db
import xfs_patch
from support import xfsx

VERSIONNUM, FEATURES2, BAD_FEATURES2 = 100, 200, 204
DIRV2, EXTFLG, SHARED = 0x2000, 0x1000, 0x0200
FTYPE, OLD_PARENT = 0x0200, 0x0010
LEAF_MAGIC = 0xFBEE


def old_leaf(forward, names):
    """A leaf of attributes as version 4 has it, with empty values."""
    block = bytearray(4096)
    at = len(block)
    for i, name in enumerate(names):
        at -= (3 + len(name) + 3) // 4 * 4
        struct.pack_into(">HB", block, at, 0, len(name))
        block[at + 3:at + 3 + len(name)] = name
        struct.pack_into(">IHBB", block, 32 + 8 * i, i, at, 1, 0)
    struct.pack_into(">IIHHHHH", block, 0, forward, 0, LEAF_MAGIC, 0, len(names),
                     4096 - at, at)
    return bytes(block)


class Version4(unittest.TestCase):
    def copy(self, name):
        path = support.copy_of(name)
        self.addCleanup(os.unlink, path)
        return xfs_patch.Image(path)

    def put(self, image, offset, form, value):
        """Writes a number into the superblock, which has no checksum."""
        image.write(offset, struct.pack(form, value))

    def test_nothing_is_written(self):
        for name in support.image_names():
            if support.manifest(name)["expect"] != "refuse: v4":
                continue
            for words in (["swap"], ["swap", "--dry-run"]):
                path = support.image(name)
                before = support.digest(path)
                done = xfsx(*words, path, "/swap/one-a", "/swap/one-b")
                self.assertEqual(done.status, 1)
                self.assertRegex(done.err, r"version 4 .*\[EOPNOTSUPP\]\n$")
                self.assertEqual(support.digest(path), before)

    def test_the_oldest_forms_are_refused_by_name(self):
        bits = struct.unpack(">H", self.copy("v4").read(VERSIONNUM, 2))[0]
        cases = ((VERSIONNUM, ">H", bits & ~DIRV2, r"directories of version 1"),
                 (VERSIONNUM, ">H", bits & ~EXTFLG, r"flag for unwritten"),
                 (VERSIONNUM, ">H", bits | SHARED, r"shared"),
                 (BAD_FEATURES2, ">I", OLD_PARENT, r"features2.*0x10"))
        for offset, form, value, pattern in cases:
            image = self.copy("v4")
            self.put(image, offset, form, value)
            for verb in ("info", "ls"):
                done = xfsx(verb, image.path)
                self.assertEqual((done.status, done.out), (1, ""))
                self.assertRegex(done.err, pattern + r".*\[EOPNOTSUPP\]\n$")

    def test_features_in_the_wrong_place_count(self):
        """Some kernels wrote the second word of features four bytes too far."""
        image = self.copy("v4-block1k")
        whole = xfsx("ls", "-0R", image.path, text=False)
        bits, = struct.unpack(">I", image.read(FEATURES2, 4))
        self.assertTrue(bits & FTYPE)
        self.put(image, FEATURES2, ">I", bits & ~FTYPE)
        said = xfsx("ls", "-0R", image.path, text=False)
        self.assertEqual((said.status, said.out), (0, whole.out))
        self.put(image, BAD_FEATURES2, ">I", bits & ~FTYPE)
        self.assertNotEqual(xfsx("ls", "-0R", image.path, text=False).out, whole.out)

    def test_kinds_of_files_without_types_in_directories(self):
        listed = json.loads(xfsx("--json", "ls", support.image("v4"), "/shapes").out)["entries"]
        kinds = {entry["name"]: entry["type"] for entry in listed}
        self.assertEqual((kinds["fifo"], kinds["attr-dir"], kinds["null"]),
                         ("fifo", "directory", "character"))

    @unittest.skipUnless(support.have("xfs_db"), "xfs_db is not here")
    def test_inodes_of_version_1(self):
        """No kernel makes them any more: links are counted elsewhere, projects not at all."""
        image = self.copy("v4-old")
        entry = support.entries("v4-old")[b"/shapes/target"]
        at = image.inode(entry["ino"])
        image.write(at + 4, b"\1")
        image.write(at + 6, struct.pack(">H", entry["nlink"]))
        image.write(at + 16, bytes(4))
        image.write(at + 20, b"\0\7")
        said = json.loads(xfsx("--json", "stat", image.path, "/shapes/target").out)["status"]
        self.assertEqual((said["links"], said["project"]), (entry["nlink"], 0))
        target = "inode %d" % entry["ino"]
        ours = xfs_db.fields(xfsx("inspect", image.path, target).out)
        theirs = xfs_db.ask(image.path, [[target, "p"]])[0]
        self.assertEqual(theirs["core.nlinkv1"], str(entry["nlink"]))
        ours.pop("core.flags")
        self.assertEqual(ours, theirs)

    def fork_blocks(self, image, path):
        """The blocks of an attribute fork by their offset."""
        said = json.loads(xfsx("--json", "bmap", "--attr", image.path, path).out)["mappings"]
        return {int(m["offset"]) + i: image.fsblock(int(m["fsblock"]) + i)
                for m in said for i in range(int(m["length"]))}

    def test_a_value_that_looks_like_a_leaf_is_a_value(self):
        image, path = self.copy("v4"), "/shapes/attr-remote"
        blocks = self.fork_blocks(image, path)
        before = xfsx("xattr", image.path, path).out
        for offset in list(blocks)[1:]:
            image.write(blocks[offset], old_leaf(0, [b"not-there"]))
        said = xfsx("xattr", image.path, path)
        self.assertEqual((said.status, said.out), (0, before))
        value = xfsx("xattr", image.path, path, "user.key-0", text=False).out
        self.assertEqual((len(value), value.count(b"not-there")), (20000, 4))

    def test_chains_of_leaves_end(self):
        image, path = self.copy("v4"), "/shapes/attr-remote"
        blocks = self.fork_blocks(image, path)
        image.write(blocks[0], old_leaf(1, [b"a"]))
        image.write(blocks[1], old_leaf(1, [b"b"]))
        done = xfsx("xattr", image.path, path)
        self.assertEqual(done.status, 4)
        self.assertRegex(done.err, r"attr leaf.*forw.*\[E[A-Z]+\]")


if __name__ == "__main__":
    unittest.main()
