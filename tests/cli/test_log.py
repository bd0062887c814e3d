"""xfsx log: what it shows, and what it says of damage."""

import collections
import json
import os
import unittest

import support
from support import xfsx
from xfs_patch import crc32c

TAIL = "from here on recovery reads\n"


def log_of(path, *options):
    done = xfsx("--json", "log", *options, path)
    return done, json.loads(done.out)


class Log(unittest.TestCase):
    def test_every_image_is_shown_as_text_and_as_json(self):
        for name in support.v5_names():
            with self.subTest(name):
                done, document = log_of(support.image(name))
                self.assertEqual((done.status, done.err), (0, ""))
                self.assertEqual(document["log"]["state"], support.manifest(name)["log"])
                kinds = [entry["kind"] for entry in document["entries"]]
                self.assertIn("record", kinds)
                problems = [item["problem"] for entry in document["entries"]
                            for item in entry.get("items", ()) if "problem" in item]
                self.assertEqual(problems, [])
                text = xfsx("log", support.image(name))
                self.assertEqual(text.status, 0)
                self.assertEqual(len([line for line in text.out.split("\n")
                                      if line.startswith("record ")]), kinds.count("record"))
                self.assertEqual(len([line for line in text.out.split("\n")
                                      if line.startswith("  transaction ")]),
                                 kinds.count("transaction"))

    def test_pending_is_what_lies_between_tail_and_head(self):
        path = support.image("dirty-log")
        _, whole = log_of(path)
        done, part = log_of(path, "--pending")
        self.assertEqual(done.status, 0)
        self.assertTrue(part["entries"])
        self.assertEqual(part["entries"],
                         [entry for entry in whole["entries"] if entry.get("pending")])
        self.assertIn(TAIL, xfsx("log", path).out)
        _, clean = log_of(support.image("wrapped"), "--pending")
        self.assertEqual((clean["entries"], clean["log"]["state"]), ([], "clean"))
        self.assertNotIn(TAIL, xfsx("log", support.image("wrapped")).out)

    @support.shipped_only
    def test_intents_that_are_not_done(self):
        """On the images that were stopped for it; the manifest has what xfs_logprint says."""
        kinds = set()
        for name in support.v5_names():
            wanted = support.manifest(name).get("open_intents")
            if not wanted:
                continue
            with self.subTest(name):
                done, document = log_of(support.image(name), "--pending")
                self.assertEqual(done.status, 0)
                left = collections.Counter(one["type"] for one in document["open_intents"])
                self.assertEqual(left, wanted)
                kinds.update(left)
        self.assertEqual(kinds, {"ATTRI", "BUI", "CUI", "EFI", "RUI", "XMI",
                                 "CUI_RT", "EFI_RT", "RUI_RT"})

    def first_pending(self, path):
        """Where the header of the first record that recovery reads lies, and its bytes of data."""
        _, before = log_of(path, "--pending")
        first = next(entry for entry in before["entries"] if entry["kind"] == "record")
        return (int(before["log"]["start_daddr"]) + first["lsn"]["block"]) * 512, first["bytes"]

    def test_a_torn_end_is_told(self):
        path = support.copy_of("dirty-log")
        place, _ = self.first_pending(path)
        with open(path, "r+b") as file:
            file.seek(place + 3 * 512 + 100)
            byte = file.read(1)[0]
            file.seek(place + 3 * 512 + 100)
            file.write(bytes([byte ^ 1]))
        self.assertIn("the end is torn", xfsx("log", path).out)
        done, document = log_of(path, "--pending")
        self.assertEqual((done.status, document["log"]["torn"], document["entries"]), (0, True, []))

    def test_damage_where_recovery_reads_is_an_error(self):
        path = support.copy_of("dirty-log")
        place, length = self.first_pending(path)
        with open(path, "r+b") as file:
            file.seek(place)
            record = bytearray(file.read(512 + length))
            # The flags of the third operation, behind the start and the transaction's header.
            record[512 + 12 + 12 + 16 + 9] = 0x40
            record[32:36] = bytes(4)
            record[32:36] = crc32c(bytes(record[:328] + record[512:])).to_bytes(4, "little")
            file.seek(place)
            file.write(record)
        for options in ((), ("--json",)):
            done = xfsx(*options, "log", path)
            self.assertEqual(done.status, 4)
            self.assertRegex(done.err, r"log_op at log block 2: field flags: found 0x40.*"
                                       r"operation 2 \[EUCLEAN\]")
        self.assertEqual(json.loads(done.out)["open_intents"], [])

    def test_inspect_checks_the_last_record(self):
        done = xfsx("inspect", support.image("dirty-log"), "log", "record.crc")
        self.assertEqual(done.status, 0)
        self.assertRegex(done.out, r"^record.crc = 0x[0-9a-f]+ \(correct\)\n$")

    def test_what_is_no_filesystem_is_refused(self):
        path = os.path.join(support.scratch(), "nothing")
        with open(path, "wb") as file:
            file.truncate(1 << 20)
        self.assertEqual(xfsx("log", path).status, 4)


if __name__ == "__main__":
    unittest.main()
