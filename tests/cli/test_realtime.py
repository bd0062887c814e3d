"""Quota, realtime devices, realtime groups and zones: every structure against xfs_db, dquots
against what Linux says of them, bitmaps against the counters."""

import json
import os
import unittest

import support
import xfs_db
from support import xfsx
from test_inspect_fields import compare, tidy_block

IMAGES = ("quota", "realtime", "rtgroups", "zoned")
# xfs_db's words for what inspect calls a structure.
TYPES = {"rtbitmap block": "rgbitmap", "rtsummary block": "rgsummary",
         "rtrmapbt block": "rtrmapbt", "rtrefcountbt block": "rtrefcntbt",
         "bmbt block": "bmapbtd", "directory block": "dir3", "directory leaf": "dir3",
         "directory free index": "dir3", "index node": "dir3", "attribute leaf": "attr3"}
KINDS = {"user": "-u", "group": "-g", "project": "-p"}


def survey(image):
    """All structures, by what inspect calls them: the words that name each."""
    done = xfsx("--json", "fuzz", "--list", *support.realtime(image), image)
    assert (done.status, done.err) == (0, ""), done.err
    found = {}
    for row in json.loads(done.out)["structures"]:
        found.setdefault(row["structure"], []).append(row["words"])
    return found


def words_of(image, target, name):
    """The words of a bitmap or a summary block."""
    row = xfs_db.fields(xfsx("inspect", image, *target.split()).out)
    line = next(value for path, value in row.items() if path.startswith(name))
    return [int(word.split(":")[1], 0) for word in line.split()]


@support.shipped_only
class Structures(unittest.TestCase):
    maxDiff = 4000

    @unittest.skipUnless(xfs_db.is_newest(), "xfsprogs 7.2 or later is not here")
    def test_all_equal_what_xfs_db_shows(self):
        seen = set()
        for name in IMAGES:
            with self.subTest(name):
                image, types = support.image(name), {}
                found = survey(image)
                wide = xfs_db.fields(xfsx("inspect", image, "sb").out)["dirblklog"] != "0"
                for structure, words in found.items():
                    if wide and structure.startswith("directory"):
                        continue
                    if structure in TYPES:
                        types.update({w: TYPES[structure] for w in words
                                      if w.startswith("fsblock")})
                compare(self, image, list(types), types, tidy=tidy_block)
                compare(self, image, [w for kind in ("sb", "inode", "rtsb")
                                      for w in found.get(kind, [])])
                seen |= set(found)
        self.assertEqual(set(TYPES) - seen, {"directory leaf", "directory free index",
                                             "index node", "attribute leaf"} - seen)

    def test_nothing_is_wrong(self):
        for name in IMAGES:
            image = support.image(name)
            for words in (w for group in survey(image).values() for w in group):
                done = xfsx("inspect", *support.realtime(image), image, *words.split())
                self.assertEqual((done.status, done.err), (0, ""), (name, words))


@support.shipped_only
class Dquots(unittest.TestCase):
    def test_they_are_what_linux_says(self):
        for name in ("quota", "rtgroups"):
            image = support.image(name)
            for kind, rows in support.manifest(name)["quota"].items():
                for row in rows:
                    words = ("dquot", kind, str(row["id"]))
                    done = xfsx("--json", "inspect", image, *words)
                    self.assertEqual((done.status, done.err), (0, ""), words)
                    said = json.loads(done.out)["value"]["diskdq"]
                    self.assertEqual(said["id"], row["id"])
                    for field in ("icount", "ino_hardlimit", "ino_softlimit"):
                        self.assertEqual(said[field], str(row[field]), (words, field))
                    for field in ("bcount", "blk_hardlimit", "blk_softlimit", "rtbcount"):
                        self.assertEqual(int(said[field]) * 8, row[field], (words, field))

    @unittest.skipUnless(xfs_db.is_newest(), "xfsprogs 7.2 or later is not here")
    def test_they_are_what_xfs_db_shows(self):
        for name in ("quota", "rtgroups"):
            image = support.image(name)
            # It has a sign where the highest bit of an id is set.
            ways = {"dquot %s %d" % (kind, row["id"]): ["dquot %s %d" % (KINDS[kind], row["id"])]
                    for kind, rows in support.manifest(name)["quota"].items() for row in rows
                    if row["id"] < 1 << 31}
            compare(self, image, list(ways), ways=ways)

    def test_what_is_not_there(self):
        image = support.image("quota")
        for words, reason in ((("user", "3000000"), "the file has no such block"),
                              (("user", "4294967296"), "ids have 32 bits")):
            done = xfsx("inspect", image, "dquot", *words)
            self.assertEqual((done.status, done.out), (1, ""))
            self.assertIn(reason, done.err)
        done = xfsx("inspect", support.image("plain-v5"), "dquot", "user", "0")
        self.assertEqual(done.status, 1)
        self.assertIn("the filesystem has no such file", done.err)

    def test_a_field_is_set_and_named(self):
        image = support.copy_of("quota")
        words = ("dquot", "user", "1000", "diskdq.icount")
        self.assertEqual(xfsx("set", image, *words, "7").status, 0)
        done = xfsx("inspect", image, *words)
        self.assertEqual((done.status, done.out), (0, "diskdq.icount = 7\n"))
        # More than the soft limit, and no timer runs.
        self.assertEqual(xfsx("set", image, *words, "77").status, 0)
        done = xfsx("inspect", image, *words)
        self.assertEqual((done.status, done.out), (4, "diskdq.icount = 77\n"))
        self.assertIn("field itimer: found 0, expected at least 1", done.err)
        self.assertEqual(xfsx("set", image, *words, "7").status, 0)
        self.assertEqual(xfsx("set", image, "dquot", "user", "1000", "diskdq.type", "4").status, 0)
        done = xfsx("inspect", image, "dquot", "user", "1000")
        self.assertEqual(done.status, 4)
        self.assertIn("field type", done.err)


@support.shipped_only
class FreeSpace(unittest.TestCase):
    def check(self, image, bitmap, summary, per_level):
        """Free extents are counted; returns how many there are."""
        bits = [word >> i & 1 for word in bitmap for i in range(32)]
        counts = [0] * len(summary)
        run = 0
        for at, bit in enumerate(bits + [0]):
            if bit:
                run += 1
            elif run:
                level = run.bit_length() - 1
                block = (at - run) // (len(bitmap) * 32 // per_level)
                counts[level * per_level + block] += 1
                run = 0
        self.assertEqual(counts, summary, image)
        return sum(bits)

    def test_plain(self):
        image = support.image("realtime")
        sb = xfs_db.fields(xfsx("inspect", image, "sb").out)
        found = survey(image)
        bitmap = [w for target in found["rtbitmap block"]
                  for w in words_of(image, target, "rtwords")]
        summary = [w for target in found["rtsummary block"]
                   for w in words_of(image, target, "suminfo")]
        self.assertGreater(int(sb["rbmblocks"]), 1)
        free = self.check(image, bitmap, summary, int(sb["rbmblocks"]))
        self.assertEqual(free, int(sb["frextents"]))
        copy = support.copy_of("realtime")
        self.assertEqual(xfsx("set", copy, "rtsummary", "0", "suminfo[3]", "9999").status, 0)
        done = xfsx("inspect", copy, "rtsummary", "0")
        self.assertEqual(done.status, 4)
        self.assertIn("field suminfo: found 9999, expected at most 4096", done.err)
        done = xfsx("inspect", image, "rtbitmap", sb["rbmblocks"])
        self.assertEqual(done.status, 1)
        self.assertIn("the file has no such block", done.err)

    def test_groups(self):
        image = support.image("rtgroups")
        sb = xfs_db.fields(xfsx("inspect", image, "sb").out)
        found, free = survey(image), 0
        self.assertEqual(sb["rbmblocks"], "1")
        for bitmap, summary in zip(found["rtbitmap block"], found["rtsummary block"]):
            free += self.check(image, words_of(image, bitmap, "rtwords"),
                               words_of(image, summary, "suminfo"), 1)
        self.assertEqual(free, int(sb["frextents"]))
        done = xfsx("inspect", image, "rtbitmap", "0")
        self.assertEqual(done.status, 1)
        self.assertIn("name them by fsblock", done.err)


@support.shipped_only
class Devices(unittest.TestCase):
    def test_contents_need_the_device(self):
        for name in ("realtime", "rtgroups"):
            image = support.image(name)
            path = next(p for p, e in support.entries(name).items()
                        if e["type"] == "file" and e.get("xflags", 0) & 1 and e.get("mappings"))
            done = xfsx("cat", image, path)
            self.assertEqual((done.status, done.out), (1, ""))
            self.assertRegex(done.err, r"which was not given \(--rt-dev\) \[ENODEV\]\n$")
            self.assertEqual(xfsx("bmap", image, path).status, 0)

    def test_the_superblock_of_the_section(self):
        image = support.image("rtgroups")
        done = xfsx("inspect", image, "rtsb")
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertIn("[ENODEV]", done.err)
        for name in ("realtime", "zoned", "plain-v5"):
            done = xfsx("inspect", support.image(name), "rtsb")
            self.assertEqual((done.status, done.out), (1, ""))
            self.assertIn("no realtime section with a superblock", done.err)
        other = support.copy_of("rtgroups")
        self.assertEqual(xfsx("set", other, "sb", "fname", "other").status, 0)
        device = support.realtime(image)
        done = xfsx("inspect", *device, other, "rtsb")
        self.assertEqual(done.status, 4)
        self.assertIn("the superblock has another label", done.err)
        done = xfsx("set", "-n", *device, image, "rtsb", "magicnum", "1")
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertIn("realtime devices are read and not written [EOPNOTSUPP]", done.err)

    def test_a_device_too_many(self):
        done = xfsx("ls", *support.realtime(support.image("rtgroups")), support.image("zoned"))
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertIn("realtime blocks are on the data device [EINVAL]", done.err)

    def test_zones_are_not_written(self):
        self.refused(support.copy_of("zoned"), ("/", "/"),
                     r"the filesystem is zoned \[EOPNOTSUPP\]")

    def refused(self, image, words, reason):
        before = support.digest(image)
        done = xfsx("swap", image, *words)
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertRegex(done.err, reason)
        self.assertEqual(support.digest(image), before)

    def test_what_exchanges_refuse_in_groups(self):
        image = support.copy_of("rtgroups")
        found = survey(image)
        inodes = {word.split()[1] for word in found["inode"]}
        internal = [n for n in inodes if xfs_db.fields(
            xfsx("inspect", image, "inode", n).out)["v3.metadata"] == "1"]
        self.assertGreater(len(internal), 10)
        before = support.digest(image)
        for number in internal:
            done = xfsx("swap", image, "inode:" + number, "/rt/one")
            self.assertEqual((done.status, done.out), (1, ""))
            self.assertRegex(done.err, r"FILE1: is an internal inode of the filesystem \[EPERM\]"
                             r"|FILE1: is a directory \[EISDIR\]")
        self.assertEqual(support.digest(image), before)
        self.refused(image, ("/rt/one", "/beside"),
                     r"one of the files is a realtime file, the other is not \[EINVAL\]")
        self.refused(image, ("--like-swapext", "/rt/shared", "/rt/copied"),
                     r"this call knows no files of realtime groups \[EOPNOTSUPP\]")

    def test_blocks_have_to_be_units(self):
        image = support.copy_of("realtime")    # units of five blocks of 1 KiB
        for words, reason in (
                (("--offset1", "1024", "--offset2", "5120", "--length", "5120"),
                 "an offset is no multiple of the allocation unit"),
                (("--offset1", "0", "--offset2", "5120", "--length", "6144"),
                 "the length is no multiple of the allocation unit")):
            self.refused(image, ("/rt/many-a", "/rt/many-b", *words), reason)
        device = support.realtime(support.image("realtime"))
        before = [xfsx("cat", *device, image, path, text=False).out
                  for path in ("/rt/many-a", "/rt/many-b")]
        done = xfsx("swap", image, "/rt/many-a", "/rt/many-b", "--offset1", "10240", "--offset2",
                    "5120", "--length", "102400")
        self.assertEqual(done.status, 0, done.err)
        after = [xfsx("cat", *device, image, path, text=False).out
                 for path in ("/rt/many-a", "/rt/many-b")]
        one, two = before
        self.assertEqual(after[0], one[:10240] + two[5120:107520] + one[112640:])
        self.assertEqual(after[1], two[:5120] + one[10240:112640] + two[107520:])

    def test_a_section_that_is_cut_off(self):
        image = support.copy_of("zoned")
        os.truncate(image, os.path.getsize(image) - 4096)
        done = xfsx("ls", image)
        self.assertEqual((done.status, done.out), (4, ""))
        self.assertIn("field rblocks", done.err)


if __name__ == "__main__":
    unittest.main()
