"""Power cuts while realtime files change places: Linux replays, and both are old or both new."""

import os
import subprocess
import unittest

import quota_rows
import realtime_rows
import rows
import support

BUILD = os.environ.get("XFSX_BUILD") or os.path.join(quota_rows.ROOT, "build", "gcc")
CRASH = os.path.join(BUILD, "tests", "xfsx_crash")
STATES = 20 if rows.FULL else 2
# image, mount options, files, and what is exchanged of them: offsets and length.
SCENARIOS = (
    ("rtgroups", quota_rows.QUOTA, "/rt/punched", "/rt/shared", ("8192", "40960", "409600")),
    ("rtgroups", quota_rows.QUOTA, "/rt/shared", "/rt/few-a", ()),
    ("realtime", "", "/rt/many-a", "/rt/few-a", ("10240", "5120", "20480")),
)


class RealtimeCrash(realtime_rows.RealtimeRow):
    def states(self, name, files, given, *options):
        """[(old or new, path)]: disks with their realtime device beside them."""
        words = [CRASH, support.packed(name), *files, "--sample", str(STATES), "--slots",
                 self.folder, "--slot-count", str(STATES), *options]
        if given:
            words += ["--range", *given]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              check=True)
        told = [line.split() for line in done.stdout.splitlines() if line.startswith("state ")]
        self.assertTrue(told)
        for _, slot, *_ in told:
            self.place(name, os.path.join(self.folder, slot + ".img"))
        return [(words[2], os.path.join(self.folder, words[1] + ".img")) for words in told]

    def place(self, name, path):
        support.copy_sparse(support.realtime_path(support.image(name)), path + ".rt")
        return path

    def sums(self, path, mount, *options):
        """{path: SHA-256} of the realtime files; scrub finds nothing."""
        said = self.in_vm(path, "cd $MNT; find rt -type f -exec sha256sum {} +", "--scrub=ioctl",
                          *options, mount=mount)
        lines = [line.split() for line in said.splitlines()]
        return {"/" + name: digest for digest, name in lines}

    def whole(self, name, files, given, which):
        path = os.path.join(self.folder, which)
        words = [CRASH, support.packed(name), *files, "--" + which, path]
        subprocess.run(words + (["--range", *given] if given else []), check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return self.place(name, path)

    def test_old_or_new(self):
        for name, mount, *files, given in SCENARIOS if rows.FULL else SCENARIOS[:1]:
            old, new = (self.sums(self.whole(name, files, given, which), mount)
                        for which in ("before", "after"))
            self.assertEqual({n for n in old if old[n] != new[n]}, set(files))
            for only, expected in (("before", {"old", "new", "either"}), ("home", {"new"})):
                for state, path in self.states(name, files, given, "--only", only):
                    with self.subTest(files=files, state=state):
                        self.assertIn(state, expected)
                        found = self.sums(path, mount, "--write")
                        allowed = {"old": (old,), "new": (new,)}.get(state, (old, new))
                        self.assertIn(found, allowed)
                        self.assert_silent(path)


if __name__ == "__main__":
    unittest.main()
