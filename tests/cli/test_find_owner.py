"""find-owner: every block of the shipped images, by reverse mappings and by a scan, against each
other and against what Linux says of a mount of the image."""

import json
import os
import unittest

import fsmap
import support
import xfs_patch

REALTIME = 1  # in xflags: the mappings are of the realtime section
AG_CLASS = {"bnobt": "ag", "cntbt": "ag", "rmapbt": "ag", "free_list": "ag", "inobt": "inobt",
            "finobt": "inobt", "free_space": "free"}


def can_be_mounted(name):
    """Few kernels mount version 4, or know realtime blocks."""
    said = json.loads(support.xfsx("--json", "info", support.image(name)).out)
    return said["features"]["version"] & 15 >= 5 and said["geometry"]["realtime_blocks"] == "0"


def clean_names():
    return [n for n in support.v5_names() if support.manifest(n)["log"] == "clean"]


def owners(image, *words):
    done = support.xfsx("--json", "find-owner", *words[:-1], image, *words[-1].split())
    return json.loads(done.out), done


def lines(image, *words):
    done = support.xfsx("find-owner", *words[:-1], image, *words[-1].split())
    return done.out.splitlines()[1:], done


def has_rmapbt(image):
    said = json.loads(support.xfsx("--json", "info", image).out)
    return "rmapbt" in said["features"]["names"]


def block_size(image):
    return json.loads(support.xfsx("--json", "info", image).out)["geometry"]["block_size"]


def by_block(runs, keep=lambda run: True):
    """{block: owners}, the runs' facts told for each block; a run is (start, length, facts,
    offset), all in blocks, offset None where it does not go on with the blocks."""
    found = {}
    for start, length, facts, offset in runs:
        if not keep(facts):
            continue
        for i in range(length):
            told = facts + ((offset + i) if offset is not None else None,)
            found.setdefault(start + i, set()).add(told)
    return found


def of_xfsx(said, size):
    for o in said["owners"]:
        start = int(o["daddr"]) * 512 // size
        if o["owner"] != "file":
            yield start, o["length"], (AG_CLASS.get(o["owner"], o["owner"]),), None
            continue
        facts = ("file", int(o["inode"]), o["fork"] == "attr", o["mapping_block"], o["unwritten"])
        yield start, o["length"], facts, None if o["mapping_block"] else int(o["offset"])


def of_linux(runs, size):
    for r in runs:
        if r.owner != "file":
            yield r.start // size, r.length // size, (r.owner,), None
            continue
        facts = ("file", r.inode, r.attr, r.mapping, r.unwritten)
        yield (r.start // size, r.length // size, facts,
               None if r.mapping else r.offset // size)


class FindOwner(unittest.TestCase):
    maxDiff = 2000

    def test_reverse_mappings_and_scan_agree(self):
        compared = 0
        for name in clean_names():
            image = support.image(name)
            if not has_rmapbt(image):
                continue
            with self.subTest(name):
                fast, done = lines(image, "all")
                self.assertEqual((done.status, done.err), (0, ""))
                slow, done = lines(image, "--scan", "all")
                self.assertEqual((done.status, done.err), (0, ""))
                self.assertEqual(fast, slow)
                self.assertNotIn("nobody", "".join(fast))
                compared += 1
        if support.SHIPPED:
            self.assertGreaterEqual(compared, 2)

    def compare_with_linux(self, name):
        image = support.image(name)
        size = block_size(image)
        with support.Mounted(image, "loop,ro,norecovery,nouuid") as point:
            runs = fsmap.runs(point)
        told = by_block(of_linux(runs, size))
        said, done = owners(image, "all")
        self.assertEqual((done.status, done.err), (0, ""))
        found = by_block(of_xfsx(said, size))
        if has_rmapbt(image):
            self.assertFalse(said["scanned"])
            self.assertEqual(found, told)
            shared = {r.start // size for r in runs if r.shared}
            ours = {int(o["daddr"]) * 512 // size for o in said["owners"] if o.get("shared")}
            self.assertEqual(ours, shared)
            return
        # Without reverse mappings Linux tells free blocks from all others, and no more.
        self.assertTrue(said["scanned"])
        free = {b for b, who in told.items() if who == {("free", None)}}
        self.assertEqual({b for b, who in found.items() if who == {("free", None)}}, free)
        self.assertEqual(set(found), set(told))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_linux_says_the_same(self):
        # What Linux mapped where it cannot be mounted here, the manifests tell below.
        for name in filter(can_be_mounted, clean_names()):
            with self.subTest(name):
                self.compare_with_linux(name)

    def test_files_have_the_blocks_that_linux_mapped(self):
        """On every image, also where the scan is the only way: FIEMAP wrote the manifest."""
        for name in clean_names():
            with self.subTest(name):
                image = support.image(name)
                size = block_size(image)
                said, _ = owners(image, "--scan", "all")
                self.assertNotIn("nobody", {o["owner"] for o in said["owners"]})
                found = by_block(of_xfsx(said, size), lambda f: f[0] == "file" and not f[3])
                for entry in support.entries(name).values():
                    if entry.get("xflags", 0) & REALTIME:
                        continue
                    for offset, disk, length, flags in entry.get("mappings", []):
                        for i in range(length // size):
                            wanted = ("file", entry["ino"], False, False, "u" in flags,
                                      offset // size + i)
                            self.assertIn(wanted, found[disk // size + i], entry["path"])

    @support.shipped_only
    def test_addresses(self):
        image = support.image("debian12")
        entry = support.entries("debian12")[b"/swap/one-a"]
        disk = entry["mappings"][0][1] + 4096
        bmap = json.loads(support.xfsx("--json", "bmap", image, "/swap/one-a").out)["mappings"][0]
        for address in ("byte %d" % (disk + 77), "byte %#x" % disk, "daddr %d" % (disk // 512 + 3),
                        "fsblock %d" % (int(bmap["fsblock"]) + 1),
                        "agblock %d %d" % (bmap["ag"], bmap["agblock"] + 1)):
            said, done = owners(image, "--paths", address)
            self.assertEqual((done.status, done.err), (0, ""), address)
            self.assertEqual(
                [(o["owner"], o["inode"], o["offset"], o["length"], o["paths"])
                 for o in said["owners"]],
                [("file", str(entry["ino"]), "1", 1, [{"path": "/swap/one-a"}])], address)

    @support.shipped_only
    def test_blocks_of_inodes(self):
        image = support.image("debian12")
        ino = support.entries("debian12")[b"/swap/one-a"]["ino"]
        self.assertEqual(xfs_patch.Image(image).inode_size, 512)
        daddr = xfs_patch.Image(image).inode(ino) // 512
        said, _ = owners(image, "--paths", "daddr %d" % daddr)
        self.assertEqual([(o["owner"], o["first_inode"], o["last_inode"], o["paths"])
                          for o in said["owners"]],
                         [("inodes", str(ino), str(ino), [{"path": "/swap/one-a"}])])
        shown, _ = lines(image, "byte %d" % (daddr * 512 + 100))
        self.assertTrue(shown[0].endswith("inodes %d" % ino), shown)

    @support.shipped_only
    def test_shared_blocks_have_all_owners(self):
        image = support.image("trees")
        entry = support.entries("trees")[b"/trees/shared"]
        disk = next(d for _, d, _, flags in entry["mappings"] if "s" in flags)
        names = [p for p, e in support.entries("trees").items()
                 if any(d <= disk < d + n for _, d, n, _ in e.get("mappings", []))]
        self.assertGreaterEqual(len(names), 2)
        for way in ([], ["--scan"]):
            said, _ = owners(image, *way, "--paths", "byte %d" % disk)
            self.assertTrue(all(o["shared"] for o in said["owners"]))
            self.assertEqual(sorted(p["path"].encode() for o in said["owners"]
                                    for p in o["paths"]), sorted(names))

    def test_usage_and_refusals(self):
        image = support.image(clean_names()[0])
        for words in ("nothing", "fsblock", "fsblock x", "agblock 0", "daddr -1", "all 3",
                      "fsblock 0x"):
            done = lines(image, words)[1]
            self.assertEqual(done.status, 16, words)
        for words in ("fsblock 9999999999", "agblock 99 0", "ag 99", "daddr 99999999999",
                      "byte 999999999999999", "agblock 0 99999999"):
            done = lines(image, words)[1]
            self.assertEqual(done.status, 1, words)
            self.assertIn("[EINVAL]", done.err)

    @support.shipped_only
    def test_damage_elsewhere_is_told_and_left_aside(self):
        image = support.copy_of("debian12")
        entries = support.entries("debian12")
        entry = entries[b"/swap/one-a"]
        other = entries[b"/swap/one-b"]["ino"]
        broken = xfs_patch.Image(image)
        broken.break_byte(broken.inode(other) + 20)
        said, done = owners(image, "byte %d" % entry["mappings"][0][1])
        self.assertEqual(done.status, 4)
        self.assertFalse(said["complete"])
        self.assertEqual([o["inode"] for o in said["owners"]], [str(entry["ino"])])
        self.assertEqual(json.loads(done.err.splitlines()[0])["owner"], str(other))


if __name__ == "__main__":
    unittest.main()
