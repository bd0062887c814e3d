"""fuzz --list, --all and --apply: what is listed is what inspect shows and all that there is; a
delta makes the bytes that fuzz itself makes, which other tests compare with xfs_db's."""

import filecmp
import json
import os
import random
import re
import shutil
import tempfile
import unittest

import support

xfsx = support.xfsx


def listed(image, *words):
    done = xfsx("fuzz", "--list", image, *words)
    assert done.status == 0, done.err
    return done.out.splitlines()


def files_below(folder):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names
                  if name != "cases.json")


def contents_of(folder):
    found = {}
    for path in files_below(folder):
        with open(path, "rb") as file:
            found[path] = file.read()
    return found


@support.shipped_only
class List(unittest.TestCase):
    def test_text_and_json_say_the_same(self):
        image = support.image("trees")
        document = json.loads(xfsx("--json", "fuzz", "--list", image).out)
        self.assertEqual((document["schema"], document["verb"]), (1, "fuzz"))
        lines = ["%s %s" % (s["words"], f["path"]) for s in document["structures"]
                 for f in s["fields"]]
        self.assertEqual(lines, listed(image))
        self.assertEqual(len(lines), len(set(lines)))

    def test_all_inodes_in_use_are_there(self):
        for name in ("debian12", "trees", "v4", "block1k"):
            with self.subTest(name):
                image = support.image(name)
                numbers = {line.split()[1] for line in listed(image) if line.startswith("inode ")}
                there = {str(e["ino"]) for e in support.entries(name).values()}
                self.assertLessEqual(there, numbers)
                counts = support.manifest(name)["superblock"]
                self.assertEqual(len(numbers), counts["icount"] - counts["ifree"])

    def test_all_blocks_of_trees_are_there(self):
        """The AGF counts them: all but the roots of the two trees of free space."""
        image = support.image("trees")
        structures = json.loads(xfsx("--json", "fuzz", "--list", image).out)["structures"]
        for ag in range(2):
            header = json.loads(xfsx("--json", "inspect", image, "agf %d" % ag).out)["value"]
            size = int(json.loads(xfsx("--json", "inspect", image, "sb").out)["value"]["agblklog"])
            mine = [s for s in structures
                    if s["words"].endswith("bt %d" % ag)
                    or s["words"].startswith("fsblock") and int(s["words"][8:]) >> size == ag]
            blocks = sum(s["structure"] in ("bnobt block", "cntbt block", "rmapbt block")
                         for s in mine)
            # Of the rmapbt the root counts too.
            self.assertEqual(blocks - 3, header["btreeblks"], "AG %d" % ag)
            blocks = sum(s["structure"] == "rmapbt block" for s in mine)
            self.assertEqual(blocks, header["rmapblocks"])
            blocks = sum(s["structure"] == "refcountbt block" for s in mine)
            self.assertEqual(blocks, header["refcntblocks"])

    def test_inspect_takes_each_line(self):
        for name in ("debian12", "dir8k", "v4", "wrapped"):
            image = support.image(name)
            lines = random.Random(name).sample(listed(image), 15)
            document = {s["words"]: s for s in
                        json.loads(xfsx("--json", "fuzz", "--list", image).out)["structures"]}
            for line in lines:
                with self.subTest(name, line=line):
                    self.assertEqual(xfsx("inspect", image, line).status, 0)
                    words, path = line.rsplit(" ", 1)
                    field = [f for f in document[words]["fields"] if f["path"] == path][0]
                    value = json.loads(xfsx("--json", "inspect", image, line).out)["value"]
                    if isinstance(value, str) and not value.isdecimal() or isinstance(value, dict):
                        continue
                    width = (field["bit"] + field["bits"] + 7) // 8
                    with open(image, "rb") as file:
                        file.seek(int(field["offset"]))
                        number = int.from_bytes(file.read(width), "big")
                    number >>= 8 * width - field["bit"] - field["bits"]
                    number &= (1 << field["bits"]) - 1
                    self.assertEqual(number, int(value) & ((1 << field["bits"]) - 1))

    def test_one_structure(self):
        image = support.image("debian12")
        lines = listed(image, "agf", "1")
        self.assertEqual(lines, [line for line in listed(image) if line.startswith("agf 1 ")])
        self.assertIn("agf 1 bnoroot", lines)

    def test_damage_hides_only_what_it_leads_to(self):
        path = support.copy_of("trees")
        self.addCleanup(os.unlink, path)
        before = listed(path)
        self.assertEqual(xfsx("set", path, "agf", "0", "bnoroot", "null").status, 0)
        self.assertEqual(xfsx("set", path, "sb", "0", "fname", "x", "--bad-crc").status, 0)
        done = xfsx("fuzz", "--list", path)
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, r"bnobt 0 is left out")
        after = done.out.splitlines()
        lost = set(before) - set(after)
        self.assertTrue(lost)
        self.assertEqual({" ".join(line.split()[:1]) for line in lost} - {"fsblock"}, {"bnobt"})


@support.shipped_only
class Cases(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=support.scratch())
        self.addCleanup(shutil.rmtree, self.folder)

    def make(self, image, *words, name="cases"):
        path = os.path.join(self.folder, name)
        done = xfsx("--json", "fuzz", "--all", "--out", path, image, *words)
        self.assertEqual((done.status, done.err), (0, ""))
        said = json.loads(done.out)
        self.assertEqual(len(files_below(path)), int(said["taken"]))
        return path, said

    def copy(self, name="debian12"):
        path = support.copy_of(name)
        self.addCleanup(os.unlink, path)
        return path

    def test_a_delta_does_what_fuzz_does(self):
        image = support.image("debian12")
        before = support.digest(image)
        folder, said = self.make(image, "--sample", "8", "--seed", "5")
        self.assertEqual((int(said["taken"]), int(said["written"])), (8, 8))
        self.assertGreater(int(said["cases"]), 200000)
        self.assertEqual(support.digest(image), before)
        mutations = set()
        for path in files_below(folder):
            with open(path, encoding="utf-8") as file:
                delta = json.load(file)
            mutations.add(delta["mutation"])
            mine, other = self.copy(), self.copy()
            done = xfsx("fuzz", "--apply", path, mine)
            self.assertEqual((done.status, done.err), (0, ""), path)
            seed = ["--seed", delta["seed"]] if delta["mutation"] == "random" else []
            done = xfsx("fuzz", other, delta["structure"], delta["field"], delta["mutation"], *seed)
            self.assertEqual((done.status, done.err), (0, ""), path)
            self.assertTrue(filecmp.cmp(mine, other, shallow=False), path)
            changed = support.digest(mine)
            self.assertNotEqual(changed, before)
            # The bytes that it replaces are no longer there.
            for dry in ([], ["-n"]):
                done = xfsx("fuzz", "--apply", path, *dry, mine)
                self.assertEqual((done.status, done.out), (1, ""))
                self.assertRegex(done.err, r"does not hold the bytes .*\[EINVAL\]\n$")
            self.assertEqual(support.digest(mine), changed)
        self.assertGreater(len(mutations), 3)

    def test_one_structure_by_every_verb(self):
        image = support.image("debian12")
        folder, said = self.make(image, "agf", "0")
        self.assertEqual(int(said["cases"]), int(said["taken"]))
        fields = {line.split()[-1] for line in listed(image, "agf", "0")}
        made = {tuple(os.path.basename(p)[:-5].rsplit(".", 1)) for p in files_below(folder)}
        # A checksum is made again: it is no field without --bad-crc.
        self.assertEqual({field for field, _ in made}, fields - {"crc"})
        self.assertEqual({verb for field, verb in made if field == "freeblks"},
                         {"zeroes", "ones", "firstbit", "middlebit", "lastbit", "add", "sub",
                          "random"})
        self.assertEqual(int(said["taken"]) + int(said["unchanged"]) + int(said["refused"]),
                         8 * len(fields))
        folder, _ = self.make(image, "agf", "0", "--bad-crc", name="bad")
        self.assertIn("crc.ones.json", {os.path.basename(p) for p in files_below(folder)})

    def test_it_goes_on_where_it_was_ended(self):
        image = support.image("trees")
        folder, _ = self.make(image, "--sample", "40")
        contents = contents_of(folder)
        for path in list(contents)[::3]:
            os.unlink(path)
        kept = {p: os.stat(p).st_mtime_ns for p in files_below(folder)}
        _, said = self.make(image, "--sample", "40")
        self.assertEqual(int(said["written"]), len(contents) - len(kept))
        self.assertEqual(contents_of(folder), contents)
        self.assertEqual({p: os.stat(p).st_mtime_ns for p in kept}, kept)
        # A larger sample holds the smaller one, another seed another.
        self.make(image, "--sample", "60")
        self.assertLessEqual(set(contents), set(files_below(folder)))
        other, _ = self.make(image, "--sample", "40", "--seed", "1", name="other")
        names = {os.path.relpath(p, folder) for p in contents}
        self.assertNotEqual(names, {os.path.relpath(p, other) for p in files_below(other)})

    def test_a_folder_is_for_one_run(self):
        folder, _ = self.make(support.image("trees"), "--sample", "3")
        for image, words in ((support.image("trees"), ["--seed", "2"]),
                             (support.image("trees"), ["--bad-crc"]),
                             (support.image("debian12"), [])):
            done = xfsx("fuzz", "--all", "--out", folder, "--sample", "3", *words, image)
            self.assertEqual((done.status, done.out), (1, ""))
            self.assertRegex(done.err, r"\[EEXIST\]\n$")

    def test_deltas_that_are_none(self):
        image = self.copy()
        before = support.digest(image)
        folder, _ = self.make(image, "agf", "0")
        with open(os.path.join(folder, "agf-0", "freeblks.lastbit.json"), encoding="utf-8") as file:
            good = json.load(file)
        row = good["bytes"][0]
        size = os.path.getsize(image)

        def rows(*changed):
            return {**good, "bytes": list(changed)}
        for number, (delta, name) in enumerate((
                ([], "EINVAL"), ({}, "EINVAL"), ("{", "EINVAL"), ({**good, "kind": "x"}, "EINVAL"),
                ({**good, "schema": 2}, "EINVAL"), ({**good, "seed": "many"}, "EINVAL"),
                ({**good, "bytes": {}}, "EINVAL"), (rows(), "EINVAL"), (rows(5), "EINVAL"),
                (rows({**row, "before": ""}), "EINVAL"), (rows({**row, "after": "0"}), "EINVAL"),
                (rows({**row, "after": "zz" * (len(row["after"]) // 2)}), "EINVAL"),
                (rows({**row, "offset": 7}), "EINVAL"), (rows(row, row), "EINVAL"),
                (rows({**row, "offset": str(size)}), "EINVAL"),
                (rows({**row, "offset": str((1 << 64) - 1)}), "EINVAL"),
                (rows({**row, "offset": str((1 << 63) + 4096)}), "EINVAL"),
                ("x" * (1 << 20) + "x", "EFBIG"))):
            path = os.path.join(self.folder, "%d.json" % number)
            with open(path, "w", encoding="utf-8") as file:
                file.write(delta if isinstance(delta, str) else json.dumps(delta))
            with self.subTest(str(delta)[:100]):
                done = xfsx("fuzz", "--apply", path, image)
                self.assertEqual((done.status, done.out), (1, ""), done.err)
                self.assertRegex(done.err, r"\[%s\]\n$" % name)
        self.assertEqual(support.digest(image), before)
        done = xfsx("fuzz", "--apply", os.path.join(self.folder, "none.json"), image)
        self.assertEqual(done.status, 8)

    def test_usage(self):
        image = support.image("debian12")
        for words in (["--all"], ["--out", "x"], ["--list", "--all", "--out", "x"],
                      ["--sample", "3"], ["--list", "agf", "0", "bnoroot"], ["--list", "-n"],
                      ["--all", "--out", "x", "--sample", "0"], ["--apply", "x", "agf", "0"],
                      ["--all", "--out", "x", "-n"], []):
            with self.subTest(words):
                self.assertEqual(xfsx("fuzz", image, *words).status, 16)
        done = xfsx("fuzz", "--all", "--out", os.path.join(self.folder, "v4"), support.image("v4"))
        self.assertEqual(done.status, 1)
        self.assertRegex(done.err, r"version 4 .*\[EOPNOTSUPP\]\n$")
        self.assertFalse(re.search("Traceback", done.err))


if __name__ == "__main__":
    unittest.main()
