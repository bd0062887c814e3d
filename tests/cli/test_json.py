"""Documents and messages of --json are what docs/json.schema.json says, on images of all kinds."""

import copy
import json
import os
import re
import subprocess
import unittest

import support
from support import xfsx

SCHEMA = os.path.join(support.ROOT, "docs", "json.schema.json")
PROGRAM = "/usr/bin/jsonschema"  # of the system's own Python, whatever else is in PATH
WARNING = re.compile(r"\bwarn\(\s*\"(\w+)\"")
IMAGES = ("debian12", "rmapbt", "v4", "dirty-log")


def reading_commands(name):
    """All verbs that only read, where the log is not in the way."""
    image = support.packed(name)
    yield from (["info", image], ["log", image], ["inspect", image, "sb"],
                ["inspect", image, "log"], ["fuzz", "--list", image, "agf", "0"])
    if support.manifest(name)["log"] == "dirty":
        return
    root = json.loads(xfsx("--json", "info", image).out)["geometry"]["root_inode"]
    yield from (["ls", image], ["ls", "-l", image], ["find-owner", "--paths", image, "ag", "0"],
                ["inspect", image, "inode", root], ["inspect", image, "bnobt", "0"],
                ["bmap", image, "/"], ["stat", image, "/"])
    kinds = {}
    for path, entry in support.entries(name).items():
        kinds.setdefault(entry["type"], path)
        if entry.get("xattrs"):
            kinds.setdefault("xattr", path)
    for verb, kind in (("cat", "file"), ("readlink", "symlink"), ("xattr", "xattr"),
                       ("stat", "chr"), ("bmap", "file")):
        if kind in kinds:
            yield [verb, image, os.fsdecode(kinds[kind])]


def writing_commands():
    image = support.copy_of("debian12")
    undo = image + ".undo"
    dirty, redo = support.copy_of("intents-exchange"), image + ".recovered"
    yield from (["recover", "-n", dirty], ["recover", "--undo", redo, dirty], ["recover", dirty])
    yield from (["fresh", image, "/swap/one-a"],
                ["swap", "--dry-run", image, "/swap/one-a", "/swap/one-b"],
                ["swap", image, "/swap/one-a", "/swap/one-b"],
                ["swap", "--undo", undo, image, "/swap/one-a", "/swap/one-b"],
                ["undo", "-n", image, undo], ["undo", image, undo],
                ["set", image, "agf", "0", "freeblks", "5"],
                ["fuzz", image, "agf", "0", "longest", "random", "--seed", "3"],
                ["fuzz", "--all", "--sample", "3", "--out", os.path.join(support.scratch(), "d"),
                 image],
                ["extract", "-n", image, "/swap", os.path.join(support.scratch(), "e")],
                ["document"], ["document", "btrees"])


def refused_commands():
    image = support.packed("debian12")
    yield from (["ls", image, "/nowhere"], ["info", "/nowhere/image"], ["ls"], ["cat", image, "/"],
                ["swap", image, "/swap/one-a", "/swap/one-b"], ["xattr", image, "/", "user.no"],
                ["stat", support.packed("dirty-log"), "/nowhere"])


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "needs python3-jsonschema")
class Schema(unittest.TestCase):
    def setUp(self):
        self.folder = support.scratch()
        with open(SCHEMA, encoding="utf-8") as file:
            self.schema = json.load(file)

    def faults(self, documents, schema):
        """What is wrong with the documents, a line each."""
        rules = self.write("rules", schema)
        words = [PROGRAM, "--error-format", "{error.json_path}: {error.message:.200}\n"]
        for number, document in enumerate(documents):
            words += ["-i", self.write(str(number), document)]
        done = subprocess.run([*words, rules], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual(done.returncode != 0, bool(done.stdout.strip()), done.stdout)
        return done.stdout.strip()

    def write(self, name, document):
        path = os.path.join(self.folder, "schema-%s.json" % name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        return path

    def run_all(self, commands):
        documents, messages = [], []
        for command in commands:
            done = xfsx("--json", *command)
            if done.out:
                documents.append(json.loads(done.out))
            messages += [json.loads(line) for line in done.err.splitlines()]
        return documents, messages

    def test_documents(self):
        commands = [c for name in IMAGES for c in reading_commands(name)] + [*writing_commands()]
        documents, messages = self.run_all(commands)
        self.assertEqual([m for m in messages if m["kind"] == "error"], [])
        self.assertEqual(len(documents), len(commands))
        verbs = {member["if"]["properties"]["verb"]["const"] for member in self.schema["allOf"]}
        self.assertEqual({document["verb"] for document in documents}, verbs)
        self.assertEqual(self.faults(documents, self.schema), "")

    def test_messages(self):
        documents, messages = self.run_all(refused_commands())
        self.assertEqual(documents, [])
        self.assertGreater(len(messages), 6)
        schema = {"$ref": "#/$defs/message", "$defs": self.schema["$defs"]}
        self.assertEqual(self.faults(messages, schema), "")

    def test_warnings(self):
        """Of a damaged image; and every code that a verb warns with has its place."""
        image = support.copy_of("trees")
        self.addCleanup(os.unlink, image)
        self.assertEqual(xfsx("set", image, "agf", "0", "bnoroot", "null").status, 0)
        _, messages = self.run_all([["fuzz", "--list", image], ["info", image]])
        self.assertIn("lost_structure", {m["code"] for m in messages})
        schema = {"$ref": "#/$defs/message", "$defs": self.schema["$defs"]}
        self.assertEqual(self.faults(messages, schema), "")
        codes = set()
        folder = os.path.join(support.ROOT, "cli")
        for name in os.listdir(folder):
            if name.endswith(".cc"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    codes.update(WARNING.findall(file.read()))
        self.assertGreater(len(codes), 4)
        kinds = [kind["properties"] for kind in self.schema["$defs"]["message"]["oneOf"]]
        known = {code for kind in kinds if kind["kind"] == {"const": "warning"}
                 for code in kind["code"]["enum"]}
        self.assertEqual(codes - known, set())

    def test_the_schema_can_fail(self):
        """A key that is not there, one too many, and another type."""
        good = json.loads(xfsx("--json", "stat", support.packed("debian12"), "/").out)
        wrong = [copy.deepcopy(good) for _ in range(3)]
        del wrong[0]["status"]["links"]
        wrong[1]["status"]["more"] = 1
        wrong[2]["status"]["size"] = 5
        for document in wrong:
            self.assertNotEqual(self.faults([document], self.schema), "")


if __name__ == "__main__":
    unittest.main()
