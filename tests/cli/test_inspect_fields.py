"""Every field that inspect prints equals what xfs_db prints, on every shipped image.

Differences on purpose:
* core.flags is printed as a number beside its bits; xfs_db prints it only when asked for.
* Times are in UTC whatever the time zone; here xfs_db is run in UTC too.
* The fields of an AGF come in the order in which they lie on disk.
"""

import concurrent.futures
import re
import unittest

import support
import xfs_db

# Ours alone.
EXTRA = {"core.flags"}


def compare(test, image, targets, types=None):
    """Inspects each target with both programs. Returns our fields by target."""
    questions = [[t] + (["type " + types[t]] if types and t in types else []) + ["p"]
                 for t in targets]
    ours = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda t: support.xfsx("inspect", image, *t.split()), targets)
        all_done = dict(zip(targets, answers))
    for target, theirs in zip(targets, xfs_db.ask(image, questions)):
        done = all_done[target]
        test.assertEqual((done.status, done.err), (0, ""), target)
        ours[target] = xfs_db.fields(done.out)
        seen = {k: v for k, v in ours[target].items() if k not in EXTRA}
        test.assertEqual(seen, theirs, "%s of %s" % (target, image))
        test.assertGreater(len(seen), 5, target)
    return ours


def btree_pointers(fields):
    """The blocks that a node of a mapping btree points to."""
    for path, value in fields.items():
        if re.match(r"(u3\.bmbt\.)?ptrs\[", path):
            return [int(word.split(":")[-1]) for word in value.split()]
    return []


@unittest.skipUnless(support.have("xfs_db"), "xfs_db is not here")
class InspectEqualsXfsDb(unittest.TestCase):
    maxDiff = 4000

    def test_headers(self):
        for name in support.v5_names():
            with self.subTest(name):
                image = support.image(name)
                primary = compare(self, image, ["sb 0"])["sb 0"]
                groups = range(int(primary["agcount"]))
                compare(self, image, ["sb %d" % ag for ag in groups if ag])
                for header in ("agf", "agi", "agfl"):
                    compare(self, image, ["%s %d" % (header, ag) for ag in groups])

    def test_inodes_and_mapping_btrees(self):
        blocks_seen = 0
        for name in support.v5_names():
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
        self.assertGreater(blocks_seen, 100)

    def test_inode_btrees(self):
        for name in support.v5_names():
            with self.subTest(name):
                image = support.image(name)
                agi = xfs_db.fields(support.xfsx("inspect", image, "agi").out)
                compare(self, image, ["fsblock " + agi["root"]],
                        {"fsblock " + agi["root"]: "inobt"})


if __name__ == "__main__":
    unittest.main()
