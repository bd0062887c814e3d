"""The pages in docs/format are those that the program makes from its field tables."""

import json
import os
import tempfile
import unittest

import support

PAGES = os.path.join(support.ROOT, "docs", "format")


def pages_in(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found[name] = file.read()
    return found


class Document(unittest.TestCase):
    maxDiff = 3000

    def test_committed_pages(self):
        with tempfile.TemporaryDirectory() as folder:
            done = support.xfsx("document", "--out", os.path.join(folder, "new", "pages"))
            self.assertEqual((done.status, done.out, done.err), (0, "", ""))
            made = pages_in(os.path.join(folder, "new", "pages"))
        self.assertIn("README.md", made)
        self.assertEqual(made, pages_in(PAGES), "run: xfsx document --out docs/format")

    def test_one_page(self):
        for name, text in pages_in(PAGES).items():
            words = [] if name == "README.md" else [name[:-len(".md")]]
            done = support.xfsx("document", *words)
            self.assertEqual((done.status, done.out), (0, text), name)

    def test_json(self):
        done = support.xfsx("--json", "document", "btrees")
        self.assertEqual(done.status, 0)
        pages = json.loads(done.out)["pages"]
        self.assertEqual([page["name"] for page in pages], ["btrees"])
        record = next(s for s in pages[0]["structures"] if s["name"] == "rmapbt_rec")
        self.assertEqual(record["bytes"], 24)
        self.assertEqual([f["offset"] for f in record["fields"]], [0, 4, 8, 16])
        self.assertEqual(sum(b["width"] for b in record["bits"]), 24 * 8)

    def test_refusals(self):
        self.assertEqual(support.xfsx("document", "nonsense").status, 16)
        self.assertEqual(support.xfsx("document", "btrees", "--out", "x").status, 16)
        done = support.xfsx("document", "--out", "/proc/none/here")
        self.assertEqual(done.status, 8)
        self.assertRegex(done.err, r"\[E[A-Z]+\]")


if __name__ == "__main__":
    unittest.main()
