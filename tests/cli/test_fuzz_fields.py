"""set and fuzz change the very bytes that xfs_db's write and fuzz change.

Both programs go through the same list of structures on a copy each, one field of each structure,
and the copies are compared byte by byte. `random` has no partner: it is tested by itself.

Differences on purpose:
* A checksum is not a field like others: without --bad-crc it is made again after each change, and
  changing it is refused.
* Seconds and nanoseconds of a bigtime inode are computed from one number, core.ctime and so on,
  which is the field that we change.
* xfs_db calls attribute nodes by other names, and has no log.
"""

import filecmp
import itertools
import json
import os
import random
import re
import struct
import subprocess
import unittest

import support
import xfs_db
import xfs_patch

FULL = os.environ.get("XFSX_FULL") == "1"
VERBS = ("zeroes", "ones", "firstbit", "middlebit", "lastbit", "add", "sub")
IMAGES = ("debian12", "block1k", "trees", "meta-uuid")
ROUNDS = 2          # of an image, in CI; every round takes one field of each structure
MOST_OF_A_KIND = 2  # structures with the same fields; in the campaign more
# No numbers: neither program adds to them.
TEXT = re.compile(r"(.*\.)?(uuid|meta_uuid|fname|name|value|symlink|data|target)")
SHOWN_ONLY = re.compile(r".*crc|core\.flags|core\.(a|m|c)time|v3\.crtime|bmap.*|v3\.metadata")

# What bytes xfs_db needs to come to a structure that we name by ourselves.
TREES = {"bnobt": ("agf", "bnoroot"), "cntbt": ("agf", "cntroot"), "inobt": ("agi", "root"),
         "finobt": ("agi", "free_root"), "rmapbt": ("agf", "rmaproot"),
         "refcntbt": ("agf", "refcntroot")}


def writable_names():
    return [n for n in support.v5_names() if support.manifest(n)["expect"] != "refuse: v4"]


def leaf_paths(value, path=""):
    """Fields of a JSON value that are neither objects nor lists; one element of each list of
    numbers, three of each list of records."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not key.endswith("_bytes"):
                yield from leaf_paths(item, path + "." + key if path else key)
    elif isinstance(value, list):
        first = 1 if re.search(r"(^|\.)(recs|keys|ptrs)$", path) else 0
        some = {0, len(value) // 2, len(value) - 1} if value else set()
        for index in sorted(some):
            yield from leaf_paths(value[index], "%s[%d]" % (path, first + index))
    else:
        yield path


def possible(fields):
    """Fields with each verb that they know."""
    for field, verb in itertools.product(fields, VERBS):
        if verb not in ("add", "sub") or not TEXT.fullmatch(field):
            yield field, verb


class Structure:
    """A structure by our words and xfs_db's commands."""

    def __init__(self, image, words, commands, kind):
        self.words, self.commands, self.kind = words, commands, kind
        shown = json.loads(support.xfsx("--json", "inspect", image, *words.split()).out)
        self.fields = [p for p in leaf_paths(shown["value"]) if not SHOWN_ONLY.fullmatch(p)]
        if shown["value"].get("v3", {}).get("bigtime"):
            self.fields = [p for p in self.fields if "time." not in p]

    def theirs(self, command):
        return [*self.commands, command]


def forks(image, number, is_directory):
    """The kinds of blocks of an inode's forks, by block."""
    fields = xfs_db.fields(support.xfsx("inspect", image, "inode %d" % number).out)
    found = {}
    for fork, kind in (("u3.bmx", "dir3" if is_directory else None), ("a.bmx", "attr3")):
        for row in range(4 if kind else 0):
            if "%s[%d].startblock" % (fork, row) in fields:
                found[int(fields["%s[%d].startblock" % (fork, row)])] = kind
    for pointer in fields.get("u3.bmbt.ptrs[1]", ""), fields.get("u3.bmbt.ptrs[1-2]", ""):
        if pointer:
            found[int(pointer.split()[0].split(":")[-1])] = "bmapbtd"
    return found


def some_entries(name):
    """Files of all kinds from every folder near the root."""
    taken = {}
    for path, entry in support.entries(name).items():
        group = entry["type"], path.rsplit(b"/", 1)[0]
        taken[group] = taken.get(group, 0) + 1
        if path.count(b"/") < 3 and taken[group] <= (6 if FULL else 2):
            yield entry


def structures(image, name):
    """Structures of an image, as different as possible."""
    primary = xfs_db.fields(support.xfsx("inspect", image, "sb").out)
    groups = int(primary["agcount"])
    features = int(primary["features_ro_compat"], 16)
    for ag in {0, groups - 1}:
        for header in ("sb", "agf", "agi", "agfl"):
            if header != "sb" or ag:  # what changes geometry has a test of its own
                words = "%s %d" % (header, ag)
                yield Structure(image, words, [words], header)
        for tree, (header, root) in TREES.items():
            bit = {"finobt": 1, "rmapbt": 2, "refcntbt": 4}.get(tree, 0)
            if features & bit == bit:
                yield Structure(image, "%s %d" % (tree, ag),
                                ["%s %d" % (header, ag), "addr " + root], tree)
    if support.manifest(name)["log"] == "dirty":
        return
    directories_lie_whole = primary["dirblklog"] == "0"
    for entry in some_entries(name):
        number = entry["ino"]
        is_directory = entry["type"] == "dir"
        words = "inode %d" % number
        yield Structure(image, words, [words], "inode " + entry["type"])
        for block, kind in forks(image, number, is_directory).items():
            if kind != "dir3" or directories_lie_whole:
                words = "fsblock %d" % block
                said = json.loads(support.xfsx("--json", "inspect", image, *words.split()).out)
                if "nbtree" not in said["value"] and said["structure"] != "unknown":
                    yield Structure(image, words, [words, "type " + kind], said["structure"])


def chosen(image, name, most):
    """Up to `most` structures of each kind with the same names of fields."""
    seen = {}
    for structure in structures(image, name):
        shape = (structure.kind, frozenset(re.sub(r"\[\d+\]", "", f) for f in structure.fields))
        seen[shape] = seen.get(shape, 0) + 1
        if structure.fields and seen[shape] <= most and len(seen) < 60:
            yield structure


def xfs_db_commands(image, commands):
    words = [xfs_db.NEWER, "-x"]
    for command in commands:
        words += ["-c", command]
    done = subprocess.run([*words, image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "TZ": "UTC"}, check=False)
    return done.stdout.decode("latin-1")


@unittest.skipUnless(xfs_db.is_newer(), "xfsprogs 6.13 or later is not here")
class EqualsXfsDb(unittest.TestCase):
    def run_round(self, name, cases, ours, theirs):
        """`cases`: structure, field, and what each program is asked."""
        mine, other = support.copy_of(name), support.copy_of(name)
        try:
            for structure, field, _, command in cases:
                done = support.xfsx(ours[0], mine, *ours[1:], *structure.words.split(), field,
                                    command)
                self.assertEqual((done.status, done.err), (0, ""), (structure.words, field))
            commands = []
            for structure, field, how, command in cases:
                commands += structure.theirs("%s %s %s" % (theirs, field, how or command))
            said = xfs_db_commands(other, commands)
            if not filecmp.cmp(mine, other, shallow=False):
                self.fail("%s: %s\n%s" % (name, self.first_difference(name, cases, ours, theirs),
                                          said))
        finally:
            os.unlink(mine)
            os.unlink(other)

    def first_difference(self, name, cases, ours, theirs):
        for case in cases:
            structure, field, how, command = case
            mine, other = support.copy_of(name), support.copy_of(name)
            support.xfsx(ours[0], mine, *ours[1:], *structure.words.split(), field, command)
            xfs_db_commands(other, structure.theirs("%s %s %s" % (theirs, field, how or command)))
            same = filecmp.cmp(mine, other, shallow=False)
            os.unlink(mine)
            os.unlink(other)
            if not same:
                return "%s %s %s" % (structure.words, field, command)
        return "only all of them together"

    def rounds(self, found):
        """Lists of (structure, field, verb), each structure once in each."""
        pairs = [list(possible(s.fields)) for s in found]
        source = random.Random(os.environ.get("XFSX_SEED", "1"))
        for each in pairs:
            source.shuffle(each)
        count = max(map(len, pairs)) if FULL else ROUNDS
        for number in range(count):
            # What the headers of a group lead to comes before them.
            yield [(structure, each[number][0], None, each[number][1])
                   for structure, each in reversed(list(zip(found, pairs))) if number < len(each)]

    def test_verbs(self):
        names = writable_names() if FULL else IMAGES
        kinds = set()
        for name in names:
            found = list(chosen(support.image(name), name, 4 if FULL else MOST_OF_A_KIND))
            kinds.update(s.kind for s in found)
            for number, cases in enumerate(self.rounds(found)):
                with self.subTest(name, round=number):
                    self.run_round(name, cases, ["fuzz"], "fuzz -d")
        if support.SHIPPED:
            for kind in ("inode file", "inode dir", "bmbt block", "rmapbt", "attribute leaf",
                         "directory block"):
                self.assertIn(kind, kinds)

    @support.shipped_only
    def test_every_field_of_a_superblock(self):
        """The primary one, by each verb alone: what follows would not be found any more."""
        image = support.image("debian12")
        structure = Structure(image, "sb 0", ["sb 0"], "sb")
        cases = list(possible(structure.fields))
        if not FULL:
            cases = random.Random(7).sample(cases, 12)
        for field, verb in cases:
            with self.subTest(field=field, verb=verb):
                self.run_round("debian12", [(structure, field, None, verb)], ["fuzz"], "fuzz -d")

    @support.shipped_only
    def test_wrong_checksums(self):
        image = support.image("debian12")
        cases = []
        for words, field in (("agf 0", "freeblks"), ("agi 1", "crc"), ("agfl 0", "bno[3]"),
                             ("inode 131", "v3.crc"), ("inode 132", "core.size"),
                             ("bnobt 1", "crc")):
            tree = TREES.get(words.split()[0])
            commands = ["%s 1" % tree[0], "addr " + tree[1]] if tree else [words]
            cases.append((Structure(image, words, commands, words), field, None, "middlebit"))
        self.run_round("debian12", cases, ["fuzz", "--bad-crc"], "fuzz -c")

    @support.shipped_only
    def test_values(self):
        image = support.image("debian12")

        def case(words, field, value, theirs=None):
            return Structure(image, words, [words], words), field, theirs, value
        cases = [case("sb 1", "fname", "hello", '"hello"'), case("agi 0", "unlinked[5]", "77"),
                 case("sb 2", "uuid", "00112233-4455-6677-8899-aabbccddeeff"),
                 case("agf 2", "longest", "0x12"), case("inode 131", "core.mode", "040700"),
                 case("inode 132", "core.uid", "4294967295"), case("agfl 0", "bno[2]", "null",
                                                                   "4294967295"),
                 case("inode 133", "u3.bmx[0].startblock", "4503599627370494"),
                 case("inode 134", "core.immutable", "1")]
        cases = [c for c in cases if c[1] in c[0].fields or c[0].words.startswith(("ag", "sb"))]
        self.assertGreater(len(cases), 7)
        self.run_round("debian12", cases, ["set"], "write -d")


@support.shipped_only
class OfItsOwn(unittest.TestCase):
    def copy(self, name="debian12"):
        path = support.copy_of(name)
        self.addCleanup(os.unlink, path)
        return path

    def shown(self, path, *words):
        return support.xfsx("inspect", path, *words).out.strip().split(" = ")[1]

    def test_random_is_seeded(self):
        copies = [self.copy() for _ in range(3)]
        for path, seed in zip(copies, (5, 5, 6)):
            done = support.xfsx("fuzz", path, "sb", "1", "icount", "random", "--seed", str(seed))
            self.assertEqual((done.status, done.err), (0, ""))
            self.assertIn("seed: %d\n" % seed, done.out)
        values = [self.shown(path, "sb", "1", "icount") for path in copies]
        self.assertEqual(values[0], values[1])
        self.assertNotEqual(values[0], values[2])
        self.assertEqual(support.xfsx("inspect", copies[0], "sb", "1", "crc").out.split()[-1],
                         "(correct)")

    def test_an_amount(self):
        path = self.copy()
        before = int(self.shown(path, "agf", "1", "freeblks"))
        for verb, change in (("sub", -3), ("add", 0)):
            done = support.xfsx("fuzz", path, "agf", "1", "freeblks", verb, "--value", "3")
            self.assertEqual((done.status, done.err), (0, ""))
            self.assertEqual(int(self.shown(path, "agf", "1", "freeblks")), before + change)

    def test_dry_run(self):
        path = self.copy()
        before = support.digest(path)
        done = support.xfsx("set", "-n", path, "agf", "0", "bnoroot", "9")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out, r"\Abnoroot: 1 -> 9\nbyte 531: 01 -> 09\n")
        self.assertIn("nothing was written\n", done.out)
        said = json.loads(support.xfsx("--json", "set", "-n", path, "agf", "0", "bnoroot", "9").out)
        self.assertEqual((said["before"], said["after"], said["checksum"], said["dry_run"]),
                         ("1", "9", "restamped", True))
        self.assertEqual(said["bytes"][0], {"offset": "531", "before": "01", "after": "09"})
        self.assertEqual(len(said["bytes"]), 2)
        self.assertEqual(support.digest(path), before)

    def test_refusals_leave_the_image_alone(self):
        path = self.copy()
        before = support.digest(path)
        for words, status, what in (
                (("set", path, "agf", "0", "nothing", "1"), 1, "ENOENT"),
                (("set", path, "agf", "0", "bnolevel", "4294967296"), 1, "ERANGE"),
                (("set", path, "agf", "0", "bnolevel", "many"), 1, "EINVAL"),
                (("set", path, "agf", "0", "crc", "1"), 1, "EINVAL"),
                (("set", path, "sb", "0", "fname", "longer than twelve"), 1, "ERANGE"),
                (("set", path, "sb", "0", "uuid", "0011"), 1, "EINVAL"),
                (("set", path, "agi", "0", "unlinked", "1"), 1, "EINVAL"),
                (("set", path, "inode", "131", "core.atime.sec", "1"), 1, "EINVAL"),
                (("set", path, "agf", "99", "bnoroot", "1"), 1, "EINVAL"),
                (("fuzz", path, "sb", "0", "uuid", "add"), 1, "EINVAL"),
                (("fuzz", path, "agf", "0", "bnoroot"), 16, "--help"),
                (("fuzz", path, "agf", "0", "bnoroot", "wreck"), 16, "--help"),
                (("set", path, "agf", "0"), 16, "--help"),
                (("set", support.packed("debian12"), "agf", "0", "bnoroot", "1"), 1, "EOPNOTSUPP"),
                (("set", support.image("v4"), "sb", "0", "icount", "1", "-n"), 1, "EOPNOTSUPP")):
            with self.subTest(words[2:]):
                done = support.xfsx(*words)
                self.assertEqual((done.status, done.out), (status, ""), done.err)
                self.assertIn(what, done.err)
        self.assertEqual(support.digest(path), before)

    def test_damaged_images(self):
        """A broken superblock and NEEDSREPAIR stand in nobody's way; what broke it mends it."""
        path = self.copy()
        for words in (("fuzz", path, "sb", "0", "icount", "ones", "--bad-crc"),
                      ("set", path, "sb", "0", "features_incompat", "0x1b", "--bad-crc"),
                      ("fuzz", path, "agf", "0", "freeblks", "zeroes", "--bad-crc"),
                      ("fuzz", path, "agf", "0", "freeblks", "ones")):
            done = support.xfsx(*words)
            self.assertEqual((done.status, done.err), (0, ""), words)
        self.assertEqual(support.xfsx("inspect", path, "agf", "0").status, 4)
        for words in (("set", path, "sb", "0", "icount", "384"),
                      ("set", path, "sb", "0", "features_incompat", "0xb")):
            self.assertEqual(support.xfsx(*words).status, 0)
        self.assertEqual(support.xfsx("info", path).status, 0)

    def test_sizes_of_the_superblock(self):
        path = self.copy()
        before = support.digest(path)
        for field in ("sectsize", "sectlog", "blocksize", "agblocks", "magicnum", "versionnum"):
            old = self.shown(path, "sb", "0", field)
            done = support.xfsx("fuzz", path, "sb", "0", field, "ones")
            self.assertEqual((done.status, done.err), (0, ""), field)
            self.assertEqual(support.xfsx("info", path).status, 4)
            done = support.xfsx("set", path, "sb", "0", field, old)
            self.assertEqual((done.status, done.err), (0, ""), field)
            self.assertEqual(support.digest(path), before)

    def test_dirty_logs_are_warned_of(self):
        path = self.copy("dirty-log")
        done = support.xfsx("set", path, "agf", "0", "longest", "1")
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, r"\A.*the log is dirty.*\n\Z")

    def test_log_records(self):
        path = self.copy("wrapped")
        done = support.xfsx("set", path, "log", "record.prev_block", "77")
        self.assertEqual((done.status, done.err), (0, ""))
        said = support.xfsx("inspect", path, "log")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertIn("record.prev_block = 77\n", said.out)
        log = xfs_db.fields(said.out)
        start = (int(log["start_daddr"]) + int(log["last_record"])) * 512
        with open(path, "rb") as image:
            image.seek(start)
            record = image.read(512 + int(log["record.len"]))
        covered = record[:32] + bytes(4) + record[36:328] + record[512:]
        self.assertEqual(xfs_patch.crc32c(covered), struct.unpack_from("<I", record, 32)[0])
        done = support.xfsx("fuzz", path, "log", "record.tail_lsn", "lastbit", "--bad-crc")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("(bad)", support.xfsx("inspect", path, "log").out)


if __name__ == "__main__":
    unittest.main()
