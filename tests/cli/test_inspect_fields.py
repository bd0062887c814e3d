"""Every field that inspect prints equals what xfs_db prints, on every shipped image.

Differences on purpose:
* core.flags is printed as a number beside its bits; xfs_db prints it only when asked for.
* Times are in UTC whatever the time zone; here xfs_db is run in UTC too.
* A tree without records says so: `recs = (empty)`, an empty list in JSON.
* Control characters in names are \\007 and so on; of seven of them xfs_db makes \\a to \\g, and it
  puts a backslash before ' and ? too.
* Data blocks of a directory that are full have a best free region of no bytes; xfs_db leaves them
  out of the row.
* An attribute's value of no bytes is `""`; xfs_db leaves the line out.
* Of inodes of version 2, core.onlink is always printed; xfs_db leaves it out where a bit of the
  fork stands where later inodes have the flag of metadata.
* The fields of an AGF come in the order in which they lie on disk.
* Keys of the reverse mappings of a realtime group have the flag of unwritten blocks too, as those
  of an AG have it in xfs_db; it is 0.
"""

import collections
import concurrent.futures
import json
import re
import struct
import subprocess
import unittest

import support
import xfs_db
import xfs_patch

BLOCKS_OF_A_FORK = 12

BESTS = re.compile(r"[fl]bests\[")
# What may stand in quotes, an escaped character as a whole, and what xfs_db writes for it.
QUOTED = re.compile(r"\\[0-7]{3}|\\.|['?]")
LETTERS = {"\\%03o" % (7 + i): "\\" + letter for i, letter in enumerate("abcdefg")}
LETTERS |= {mark: "\\" + mark for mark in "'?"}

# Ours alone; and what xfs_db has known only since 6.13.
OURS = re.compile(r"core\.flags")
KEY_FLAG = re.compile(r"(u3\.rtrmapbt\.)?keys\[\d+\]\.extentflag(_hi)?")
NEW = re.compile(r"v3\.metadata|.*\.parent|.*\.extentflag(_hi)?")


Tree = collections.namedtuple("Tree", "name type header root feature")
# The feature is a bit of features_ro_compat; 0 for what every filesystem has.
AG_TREES = (Tree("bnobt", "bnobt", "agf", "bnoroot", 0),
            Tree("cntbt", "cntbt", "agf", "cntroot", 0),
            Tree("inobt", "inobt", "agi", "root", 0),
            Tree("finobt", "finobt", "agi", "free_root", 1),
            Tree("rmapbt", "rmapbt", "agf", "rmaproot", 2),
            Tree("refcntbt", "refcntbt", "agf", "refcntroot", 4))


def is_ours(path, value, theirs):
    if OURS.fullmatch(path) or (path, value) == ("recs", "(empty)"):
        return True
    if path == "core.onlink" and "core.flushiter" in theirs:
        return path not in theirs
    if path.endswith(".value") and value == '""':
        return path not in theirs
    if KEY_FLAG.fullmatch(path) and value == "0":
        return path not in theirs
    return path not in theirs and NEW.fullmatch(path) and not xfs_db.is_newer()


def as_theirs(path, value):
    """xfs_db's words for our value: of data blocks that are full it prints nothing in a row."""
    if value and BESTS.match(path):
        return re.sub(r"(^| )\d+:0(?= |$)", "", value).strip()
    return value and QUOTED.sub(lambda found: LETTERS.get(found[0], found[0]), value)


def mapped_blocks(fields, fork):
    """Filesystem blocks of the mappings that lie in the inode."""
    blocks, row = [], 0
    while "%s[%d].startblock" % (fork, row) in fields:
        start, count = (int(fields["%s[%d].%s" % (fork, row, what)])
                        for what in ("startblock", "blockcount"))
        blocks += range(start, start + count)
        row += 1
    return blocks


def tidy_block(fields):
    """Where the programs call the same by other names: a node of attributes is for xfs_db `hdr` and
    `btree`; and it prints a file type of unused regions, which have none."""
    if any(path.startswith("btree[") for path in fields):
        fields = {re.sub("^hdr", "nhdr", re.sub("^btree", "nbtree", k)): v
                  for k, v in fields.items()}
    unused = {path.split(".")[0] for path in fields if path.endswith(".freetag")}
    return {k: v for k, v in fields.items()
            if not (k.endswith(".filetype") and k.split(".")[0] in unused)}


def compare(test, image, targets, types=None, ways=None, tidy=dict):
    """Inspects each target with both programs. Returns our fields by target. `ways` has the
    commands by which xfs_db comes to a target where they are not the target's own words."""
    questions = [(ways or {}).get(t, [t]) + (["type " + types[t]] if types and t in types else [])
                 + ["p"] for t in targets]
    ours = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        device = support.realtime(image)
        answers = pool.map(lambda t: support.xfsx("--norecovery", "inspect", *device, image,
                                                  *t.split()), targets)
        all_done = dict(zip(targets, answers))
    for target, theirs in zip(targets, map(tidy, xfs_db.ask(image, questions))):
        done = all_done[target]
        test.assertEqual((done.status, done.err), (0, ""), target)
        if set(theirs) == {"data"}:  # a value of version 4, which does not say what it is
            test.assertEqual(done.out, "", target)
            continue
        ours[target] = xfs_db.fields(done.out)
        seen = {k: v for k, v in ours[target].items() if not is_ours(k, v, theirs)}
        both = {field: (seen.get(field), theirs.get(field)) for field in {*seen, *theirs}}
        different = {field: (our, their) for field, (our, their) in both.items()
                     if their not in (our, as_theirs(field, our))}
        test.assertEqual(different, {}, "%s of %s" % (target, image))
        test.assertGreater(len(seen), 5 if len(theirs) > 5 else 0, target)
    return ours


def names():
    """The images that xfs_db can read; test_realtime tells when it is too old for some."""
    return [name for name in support.v5_names() if xfs_db.knows(support.image(name))]


def btree_pointers(fields):
    """The blocks that a node of a mapping btree points to."""
    for path, value in fields.items():
        if re.match(r"(u3?\.bmbt\.)?ptrs\[", path):
            return [int(word.split(":")[-1]) for word in value.split()]
    return []


@unittest.skipUnless(support.have("xfs_db"), "xfs_db is not here")
class InspectEqualsXfsDb(unittest.TestCase):
    maxDiff = 4000

    def test_headers(self):
        for name in names():
            with self.subTest(name):
                image = support.image(name)
                primary = compare(self, image, ["sb 0"])["sb 0"]
                groups = range(int(primary["agcount"]))
                compare(self, image, ["sb %d" % ag for ag in groups if ag])
                for header in ("agf", "agi", "agfl"):
                    compare(self, image, ["%s %d" % (header, ag) for ag in groups])

    def test_inodes_and_mapping_btrees(self):
        blocks_seen = 0
        for name in names():
            if support.manifest(name)["log"] == "dirty":
                continue  # what the manifest lists is in the log, not in its place
            with self.subTest(name):
                image = support.image(name)
                numbers = sorted({e["ino"] for e in support.entries(name).values()})
                inodes = compare(self, image, ["inode %d" % n for n in numbers])
                level = [p for fields in inodes.values() for p in btree_pointers(fields)]
                while level:
                    targets = ["fsblock %d" % block for block in level]
                    found = compare(self, image, targets, {t: "bmapbtd" for t in targets})
                    blocks_seen += len(found)
                    level = [p for fields in found.values() for p in btree_pointers(fields)]
        if support.SHIPPED:
            self.assertGreater(blocks_seen, 100)

    def test_ag_btrees(self):
        """Every block of every tree of every AG, from the root down."""
        seen = collections.Counter()
        for name in names():
            with self.subTest(name):
                image = support.image(name)
                primary = xfs_db.fields(support.xfsx("inspect", image, "sb").out)
                features = int(primary["features_ro_compat"], 16)
                for ag in range(int(primary["agcount"])):
                    for tree in AG_TREES:
                        if features & tree.feature == tree.feature:
                            levels = self.walk_ag_tree(image, ag, tree, int(primary["agblklog"]))
                            seen[tree.name, levels] += 1
        if support.SHIPPED:
            for tree in AG_TREES:
                highest = max(levels for name, levels in seen if name == tree.name)
                self.assertGreater(highest, 1, tree)
            self.assertGreater(seen["rmapbt", 3], 0)

    def walk_ag_tree(self, image, ag, tree, agblklog):
        """Compares all blocks of a tree; the number of its levels."""
        target = "%s %d" % (tree.name, ag)
        question = {target: ["%s %d" % (tree.header, ag), "addr " + tree.root]}
        level = compare(self, image, [target], ways=question)
        levels = 1
        while True:
            pointers = [p for fields in level.values() for p in btree_pointers(fields)]
            if not pointers:
                return levels
            targets = ["fsblock %d" % ((ag << agblklog) + p) for p in pointers]
            types = {t: tree.type for t in targets}
            level = compare(self, image, targets, types)
            levels += 1

    def test_directory_and_attribute_blocks(self):
        """All blocks of directories and attribute forks, where they are one filesystem block."""
        kinds = collections.Counter()
        for name in names():
            sizes = xfs_db.fields(support.xfsx("inspect", support.image(name), "sb").out)
            if sizes["dirblklog"] != "0" or support.manifest(name)["log"] == "dirty":
                continue
            with self.subTest(name):
                kinds.update(self.compare_forks(name))
        if support.SHIPPED:
            for version in ("v4", "v5"):
                for kind in ("bhdr", "dhdr", "lhdr", "nhdr", "fhdr", "hdr"):
                    self.assertGreater(kinds[version, kind], 0, (version, kind))

    def compare_forks(self, name):
        image, targets = support.image(name), {}
        for path, entry in support.entries(name).items():
            if path.count(b"/") > 2 and entry["type"] == "file":
                continue  # the interesting ones are near the root
            number = "inode %d" % entry["ino"]
            fields = xfs_db.fields(support.xfsx("inspect", image, number).out)
            # Blocks of version 4 have names of their own in xfs_db, and the data fork another.
            v5 = "v3.inumber" in fields
            data, dir_kind, attr_kind = ("u3.bmx", "dir3", "attr3") if v5 \
                else ("u.bmx", "dir2", "attr")
            wanted = [(data, dir_kind)] if entry["type"] == "dir" else []
            for fork, kind in wanted + [("a.bmx", attr_kind)]:
                for block in mapped_blocks(fields, fork)[:BLOCKS_OF_A_FORK]:
                    targets["fsblock %d" % block] = kind
        found = compare(self, image, list(targets), targets, tidy=tidy_block)
        version = "v4" if "attr" in targets.values() or "dir2" in targets.values() else "v5"
        return [(version, next(iter(fields)).split(".")[0]) for fields in found.values()]

    @support.shipped_only
    def test_mappings_by_name(self):
        """bmap of an inode is what its fork holds, in a btree too."""
        seen = 0
        for name in ("block1k", "nrext64"):
            image = support.image(name)
            for path, entry in support.entries(name).items():
                if entry["type"] != "file" or b"/swap/" not in path:
                    continue
                done = support.xfsx("inspect", image, "inode %d" % entry["ino"], "bmap")
                self.assertEqual((done.status, done.err), (0, ""))
                ours = xfs_db.fields(done.out)
                rows = {k.split("]")[0] for k in ours if k.startswith("bmap[")}
                bmap = json.loads(support.xfsx("--json", "bmap", image, path).out)["mappings"]
                if any(mapping["shared"] for mapping in bmap):
                    continue  # the verb cuts mappings where sharing begins
                first = ["bmap[0].startblock", bmap[0]["fsblock"]] if bmap else []
                self.assertEqual(len(rows), len(bmap), path)
                if bmap:
                    done = support.xfsx("inspect", image, "inode %d" % entry["ino"], first[0])
                    self.assertEqual(done.out, "%s = %s\n" % tuple(first))
                seen += len(bmap) > 1000
        self.assertGreater(seen, 2)

    @support.shipped_only
    def test_links_by_their_old_name(self):
        image = support.image("trees")
        root = xfs_db.fields(support.xfsx("inspect", image, "sb").out)["rootino"]
        said = [support.xfsx("inspect", image, "inode " + root, path).out
                for path in ("core.nlink", "core.nlinkv2")]
        self.assertRegex(said[0], r"^core\.nlinkv2 = \d+\n$")
        self.assertEqual(*said)

    @support.shipped_only
    def test_staging_of_copy_on_write(self):
        """Blocks taken for copies lie beside shared ones in three AGs; in one they are keys."""
        image = support.image("staging")
        ways = {"refcntbt %d" % ag: ["agf %d" % ag, "addr refcntroot"] for ag in range(4)}
        found = compare(self, image, list(ways), ways=ways)
        flags = [[value for path, value in fields.items() if path.endswith(".cowflag")]
                 for fields in found.values()]
        self.assertEqual([(row.count("0"), row.count("1")) for row in flags],
                         [(0, 0), (4, 3), (5, 7), (9, 10)])
        self.assertIn("1", [value for fields in found.values() for path, value in fields.items()
                            if path.startswith("keys[")])

    @support.shipped_only
    def test_full_data_blocks(self):
        """Rows of best free regions, one of them of no bytes."""
        image = support.copy_of("plain-v5")
        geometry = xfs_patch.Image(image)
        number = "inode %d" % support.entries("plain-v5")[b"/dirs/node"]["ino"]
        fork = xfs_db.fields(support.xfsx("inspect", image, number).out)
        index = mapped_blocks(fork, "u3.bmx")[-1]
        geometry.patch(geometry.fsblock(index), geometry.block, 4, 64 + 2, bytes(2))
        target = "fsblock %d" % index
        found = compare(self, image, [target], {target: "dir3"})[target]
        bests = [value for path, value in found.items() if path.startswith("fbests")]
        self.assertIn(" 1:0 ", bests[0])


@support.shipped_only
class Unlinked(unittest.TestCase):
    def test_lists_that_linux_made(self):
        self.path = support.image("unlinked")
        lengths = []
        for ag in range(4):
            said = support.xfsx("--norecovery", "inspect", self.path, "unlinked %d" % ag)
            self.assertEqual(said.status, 0)
            rows = [line.split("[")[1].split(",")[:2] for line in said.out.splitlines()[1:]]
            lists = collections.defaultdict(list)
            for bucket, number in rows:
                lists[int(bucket)].append(int(number) % (1 << 15))
            self.compare_with_xfs_db(lists, ag)
            lengths.append({bucket: len(numbers) for bucket, numbers in lists.items()})
        self.assertEqual(lengths, [{}, {7: 5, 8: 2, 20: 1}, {0: 1, 63: 3}, {0: 1}])

    def setUp(self):
        self.path = support.copy_of("trees")
        self.image = xfs_patch.Image(self.path)

    def put(self, bucket, numbers):
        """A list of inodes of AG 0 in a bucket."""
        self.image.patch(self.image.header(0, 2), self.image.sector, 312, 40 + 4 * bucket,
                         struct.pack(">I", numbers[0]))
        for number, following in zip(numbers, numbers[1:]):
            self.image.patch_inode(number, 96, struct.pack(">I", following))

    def test_lists(self):
        said = support.xfsx("inspect", self.path, "unlinked")
        self.assertEqual((said.status, said.out), (0, "inodes = (empty)\n"))
        self.put(3, [67])
        self.put(5, [69, 389])
        said = support.xfsx("inspect", self.path, "unlinked 0")
        self.assertEqual((said.status, said.err), (0, ""))
        rows = [line.split("[")[1].split(",")[:2] for line in said.out.splitlines()[1:]]
        self.assertEqual(rows, [["3", "67"], ["5", "69"], ["5", "389"]])
        self.compare_with_xfs_db({3: [67], 5: [69, 389]})

    def compare_with_xfs_db(self, lists, ag=0):
        if not xfs_db.is_newer():
            self.skipTest("xfsprogs 6.13 or later is not here")
        done = subprocess.run([xfs_db.NEWER, "-r", "-c", "dump_iunlinked -a %d" % ag, self.path],
                              stdout=subprocess.PIPE, check=True, text=True)
        chains = re.findall(r"bucket (\d+) ((?:.*agino \d+\n)+)", done.stdout)
        theirs = {int(bucket): [int(n) for n in re.findall(r"agino (\d+)", chain)]
                  for bucket, chain in chains}
        self.assertEqual(theirs, lists)

    def test_loops_end(self):
        self.put(4, [68, 388, 68])
        said = support.xfsx("inspect", self.path, "unlinked")
        self.assertEqual(said.status, 4)
        self.assertIn("EUCLEAN", said.err)
        self.assertLess(len(said.out.splitlines()), 3000)

    def test_what_is_no_inode(self):
        self.put(4, [68, 132])  # in a hole between chunks
        said = support.xfsx("inspect", self.path, "unlinked")
        self.assertEqual(said.status, 4)
        self.assertIn("magic", said.err)

    def test_pointers_outside(self):
        self.put(4, [68, 1 << 24])
        said = support.xfsx("inspect", self.path, "unlinked")
        self.assertEqual(said.status, 4)
        self.assertIn("unlinked", said.err)


if __name__ == "__main__":
    unittest.main()
