"""What the rows of interrupted exchanges share: crash states, judged as tests/crash does."""

import os
import subprocess
import sys

import rows
from judging import manifest

sys.path.insert(0, os.path.join(rows.ROOT, "tests", "crash"))
import campaign  # noqa: E402
from scenarios import Scenario  # noqa: E402

STATES = 60


class CrashRow(rows.Row):
    def judge_states(self, image, scenario):
        """Some crash states of exchanging /a and /b: each must be old or new, and both occur."""
        with image.seen() as root:
            manifest.save(image.path + ".json",
                          {"schema": 1, "superblock": manifest.superblock(image.path)},
                          manifest.walk(root))
        with open(image.path + ".img.gz", "wb") as packed:
            subprocess.run(["gzip", "-1c", image.path], stdout=packed, check=True)
        program = os.path.join(os.path.dirname(os.path.dirname(os.environ["XFSX"])), "tests",
                               "xfsx_crash")
        figures, whole = campaign.judge_states(
            program, scenario(self.id(), image.path, ""),
            ["--seed", "1", "--subsets", "20", "--sample", str(STATES)])
        self.assertTrue(whole)
        self.assertIsNone(figures.problem())
        print("%s: %s" % (self.id(), figures.text()))


class WholeFiles(Scenario):
    def files(self):
        return "/a", "/b"
