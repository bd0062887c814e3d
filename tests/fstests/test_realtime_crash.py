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


FILL = """xfs_io -f -c 'pwrite -q -S 0x58 0 48k' -c fsync $MNT/a
xfs_io -f -c 'pwrite -q -S 0x59 0 12k' -c 'truncate 48k' -c fsync $MNT/b
xfs_io -c 'pwrite -q -S 0x5a 24k 12k' -c fsync $MNT/b
"""


class RealtimeCrash(realtime_rows.RealtimeRow):
    def tool(self, image, files, given, *options):
        words = [CRASH, image, *files, *options] + (["--range", *given] if given else [])
        return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              check=True).stdout.splitlines()

    def states(self, image, files, given, *options):
        """[(old, new or either, path)]."""
        told = [line.split() for line in self.tool(
            image, files, given, "--sample", str(STATES), "--slots", self.folder, "--slot-count",
            str(STATES), *options) if line.startswith("state ")]
        self.assertTrue(told)
        return [(words[2], os.path.join(self.folder, words[1] + ".img")) for words in told]

    def sums(self, path, device, mount, *options):
        """{path: SHA-256} of the realtime files; scrub finds nothing."""
        support.copy_sparse(device, path + ".rt")
        said = self.in_vm(path, "cd $MNT; find . -type f -exec sha256sum {} +", "--scrub=ioctl",
                          *options, mount=mount)
        return {name[1:]: digest for digest, name in map(str.split, said.splitlines())}

    def whole(self, image, files, given, which):
        path = os.path.join(self.folder, which)
        self.tool(image, files, given, "--" + which, path)
        return path

    def judge(self, image, device, mount, files, given):
        old, new = (self.sums(self.whole(image, files, given, which), device, mount)
                    for which in ("before", "after"))
        self.assertEqual({name for name in old if old[name] != new[name]}, set(files))
        for only in ("before", "home"):
            for state, path in self.states(image, files, given, "--only", only):
                with self.subTest(files=files, state=state):
                    found = self.sums(path, device, mount, "--write")
                    self.assertIn(found, {"old": (old,), "new": (new,)}.get(state, (old, new)))
                    self.assertTrue(only == "before" or state == "new")
                    self.assert_silent(path)

    def test_old_or_new(self):
        for name, mount, *files, given in SCENARIOS if rows.FULL else SCENARIOS[:1]:
            device = support.realtime_path(support.image(name))
            self.judge(support.packed(name), device, mount, files, given)

    def test_a_root_that_holds_records(self):
        path = self.make_files(realtime_rows.FEATURES["rmapbt"], FILL)
        packed = path + ".gz"
        with open(packed, "wb") as file:
            subprocess.run(["gzip", "-1c", path], stdout=file, check=True)
        self.judge(packed, path + ".rt", "", ("/a", "/b"), ("0", "12288", "36864"))


if __name__ == "__main__":
    unittest.main()
