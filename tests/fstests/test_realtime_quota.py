"""Quota counts realtime blocks apart from others; both follow what changes places."""

import json
import os
import unittest

import quota_rows
import realtime_rows
import support
from quota_rows import swap

FLAGS = (("rmapbt", 1, 0), ("reflink", 1, 1))       # name, rmapbt, reflink
OWNERS = (("u", 5001, 5002), ("g", 6001, 6002), ("p", 11, 12))
# The donor's mappings lie in a btree, whose blocks are not realtime blocks.
FILL = quota_rows.FILL
LIMIT = "xfs_quota -x -c 'limit -u rtbhard=100k 5001' $MNT\n"


class RealtimeQuota(realtime_rows.RealtimeRow):
    def make(self, rmapbt, reflink, more=""):
        return self.make_files(realtime_rows.QUOTA % (rmapbt, reflink), FILL + more,
                               mount=quota_rows.QUOTA)

    def used(self, path, *options):
        """(KiB of realtime blocks, KiB of others) by kind and owner, as the kernel reports them;
        scrub has compared them with the inodes."""
        said = self.in_vm(path, "for kind in u g p; do for what in r b; do echo $kind $what; "
                          "xfs_quota -x -c \"report -$kind -N -n -$what\" $MNT; done; done",
                          "--scrub=both", *options)
        found = {}
        for line in said.splitlines():
            words = line.split()
            if words and words[0] in "ugp":
                kind, what = words
            elif words and words[0].startswith("#"):
                counts = found.setdefault((kind, int(words[0][1:])), {})
                counts[what] = int(words[1])
        return {owner: (counts.get("r", 0), counts.get("b", 0)) for owner, counts in found.items()}

    def blocks_of(self, path, name):
        """The same of one file."""
        kib = realtime_rows.BLOCK // 1024
        mapped = sum(int(m["length"]) for m in
                     json.loads(support.xfsx("bmap", path, name, "--json").out)["mappings"])
        status = json.loads(support.xfsx("stat", path, name, "--json").out)["status"]
        return mapped * kib, (int(status["blocks"]) - mapped) * kib

    def recounted(self, path):
        support.copy_sparse(path + ".rt", os.path.join(self.folder, "recounted.img.rt"))
        return super().recounted(path)

    def test_counts_follow_the_blocks(self):
        for name, rmapbt, reflink in FLAGS:
            with self.subTest(name):
                path = self.make(rmapbt, reflink)
                before = self.blocks_of(path, "/a"), self.blocks_of(path, "/b")
                for words in (("/a", "/b"), ("/a", "/b", "--offset1", "65536", "--offset2", "0",
                                             "--length", "131072")):
                    done = swap(path, *words)
                    self.assertEqual((done.status, done.err), (0, ""))
                after = self.blocks_of(path, "/a"), self.blocks_of(path, "/b")
                self.assertNotEqual(before, after)
                self.assert_silent(path)
                used = self.used(path)
                for kind, first, second in OWNERS:
                    self.assertEqual((used[kind, first], used[kind, second]), after)
                self.assertEqual(self.recounted(path), used)

    def test_a_limit_of_realtime_blocks_binds(self):
        path = self.make(1, 0, LIMIT)
        done = swap(path, "/b", "/a")       # 5001 has less afterwards
        self.assertEqual((done.status, done.err), (0, ""))
        before = support.digest(path)
        done = swap(path, "/b", "/a")
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertRegex(done.err, r"field rtb_hardlimit: .*user 5001 \[EDQUOT\]\n$")
        self.assertEqual(support.digest(path), before)


if __name__ == "__main__":
    unittest.main()
