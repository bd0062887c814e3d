"""`xfsx recover` as a person and a script see it; what it makes of logs is asked in 30-recover."""

import json
import os
import unittest

import support
from support import xfsx

CRC = 32     # in the header of a record
REFUSED, DIRTY, DAMAGED, USAGE, LOST = 1, 2, 4, 16, 65


class Recover(unittest.TestCase):
    name = "intents-exchange"

    def setUp(self):
        self.image = support.copy_of(self.name)
        self.addCleanup(os.unlink, self.image)
        self.before = support.digest(self.image)

    def run_xfsx(self, *words, status=0):
        done = xfsx(*words)
        self.assertEqual(done.status, status, done.err)
        return done

    def recover(self, *words, status=0):
        return self.run_xfsx("recover", *words, self.image, status=status)

    def state(self):
        return json.loads(xfsx("--json", "info", self.image).out)["log"]["state"]

    def untouched(self):
        self.assertEqual(support.digest(self.image), self.before)


class Done(Recover):
    def test_the_log_is_clean_afterwards(self):
        done = self.recover()
        self.assertRegex(done.out, r"(?m)^log: dirty, \d+ basic blocks ")
        self.assertRegex(done.out, r"(?m)^finished: XMI 0x[0-9a-f]+$")
        self.assertTrue(done.out.endswith("the log is clean\n"))
        self.assertEqual(done.err, "")
        self.assertEqual(self.state(), "clean")

    def test_a_clean_log_is_nothing_to_do(self):
        self.recover()
        now = support.digest(self.image)
        self.assertEqual(self.recover().out, "the log is clean: nothing to recover\n")
        self.assertEqual(support.digest(self.image), now)

    def test_a_dry_run_writes_nothing(self):
        plan = json.loads(self.run_xfsx("--json", "recover", "-n", self.image).out)
        self.untouched()
        self.assertTrue(plan["dry_run"])
        done = json.loads(self.run_xfsx("--json", "recover", self.image).out)
        for key in ("log", "replayed", "intents", "freed", "before", "after"):
            self.assertEqual(plan[key], done[key], key)

    def test_undo_takes_it_back(self):
        file = self.image + ".undo"
        self.addCleanup(os.unlink, file)
        self.recover("--undo", file)
        self.assertEqual(self.state(), "clean")
        self.run_xfsx("undo", self.image, file)
        self.untouched()


class Seen(Recover):
    """What verbs that read show before."""

    def test_reading_shows_what_recovery_would_make(self):
        words = ("ls", "-lR", self.image)
        seen = xfsx(*words)
        self.assertEqual(seen.status, 0)
        self.assertRegex(seen.err, r"warning: the log is dirty: what is shown is what xfsx recover")
        self.untouched()
        raw = xfsx("--norecovery", *words)
        self.assertRegex(raw.err, r"warning: the log is dirty: changes wait in it")
        self.recover()
        after = xfsx(*words)
        self.assertEqual((after.out, after.err), (seen.out, ""))
        self.assertNotEqual(raw.out, seen.out)

    def test_inspect_does_too(self):
        words = ("inspect", self.image, "sb")
        seen, raw = xfsx(*words), xfsx("--norecovery", *words)
        self.assertEqual((seen.status, raw.status), (0, 0))
        self.recover()
        # All but the place in the log and the checksum.
        drop = lambda text: [line for line in text.splitlines()
                             if not line.startswith(("lsn", "crc"))]
        self.assertEqual(drop(xfsx(*words).out), drop(seen.out))

    def test_a_change_is_refused_before(self):
        done = self.run_xfsx("swap", self.image, "/a", "/b", status=DIRTY)
        self.assertIn("recover", done.err)
        self.untouched()


class Damaged(Recover):
    def damage(self):
        """A record in the middle has no checksum, which Linux would not replay either."""
        log = json.loads(xfsx("--json", "log", "--pending", self.image).out)
        records = [e for e in log["entries"] if e["kind"] == "record"]
        at = 512 * (int(log["log"]["start_daddr"]) + records[1]["lsn"]["block"]) + CRC
        with open(self.image, "r+b") as file:
            file.seek(at)
            file.write(bytes(4))
        self.before = support.digest(self.image)

    def test_damage_is_told_and_can_be_salvaged(self):
        self.damage()
        done = self.recover(status=DAMAGED)
        self.assertRegex(done.err, r"log_record at log block \d+: field crc: found 0")
        self.untouched()
        done = self.recover("--salvage", status=REFUSED)
        self.assertRegex(done.err, r"--yes.*\[EPERM\]")
        self.untouched()
        plan = json.loads(self.run_xfsx("--json", "recover", "-n", "--salvage", self.image,
                                        status=LOST).out)
        self.untouched()
        self.assertTrue(plan["lost"]["anything"])
        done = self.recover("--salvage", "--yes", status=LOST)
        self.assertRegex(done.out, r"(?m)^damaged: ")
        self.assertRegex(done.out, r"(?m)^lost: transaction at cycle \d+ block \d+")
        self.assertEqual(self.state(), "clean")

    def test_an_undamaged_log_loses_nothing(self):
        self.assertNotIn("lost", self.recover("--salvage").out)
        self.assertEqual(self.state(), "clean")

    def test_yes_alone_is_wrong(self):
        self.recover("--yes", status=USAGE)


if __name__ == "__main__":
    unittest.main()
