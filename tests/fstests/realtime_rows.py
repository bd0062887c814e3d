"""What the rows about realtime files share: two devices, and the debug kernel of tests/oracle/vm,
which makes them and judges them."""

import os

import quota_rows
import support
from judging import xfsprogs

EXTENT_BLOCKS = 3
BLOCK = 4096
UNIT = EXTENT_BLOCKS * BLOCK
# Extents of three blocks, without groups and with them; the reverse mappings of groups.
FEATURES = {
    "plain": "-m metadir=0,rmapbt=0,reflink=0 -i exchange=1 -r extsize=%d" % UNIT,
    "groups": "-m metadir=1,rmapbt=0,reflink=0 -i exchange=1 -r extsize=%d,rgsize=%d"
              % (UNIT, 2000 * UNIT),
    "rmapbt": "-m metadir=1,rmapbt=1,reflink=0 -i exchange=1 -r extsize=%d,rgsize=%d"
              % (UNIT, 2000 * UNIT),
}
QUOTA = "-m metadir=1,rmapbt=%d,reflink=%d,uquota,gquota,pquota -i exchange=1 -r rgsize=32m"


class RealtimeRow(quota_rows.QuotaRow):
    """All files of the root are on the realtime device."""

    def make_files(self, features, fill, mount=""):
        """FEATURES: words for mkfs.xfs that end in options of `-r`."""
        path = os.path.join(self.folder, "realtime.img")
        for name in (path, path + ".rt"):
            with open(name, "wb") as image:
                image.truncate(quota_rows.SIZE)
        first = os.path.join(self.folder, "first")
        with open(first, "w", encoding="utf-8") as script:
            script.write("mkfs.xfs -q --unsupported -b size=%d -d rtinherit=1 %s,"
                         "rtdev=$RTDEV $DEV\n" % (BLOCK, features))
        self.in_vm(path, "set -e\n" + fill, "--write", "--run-first", first, mount=mount)
        return path

    def in_vm(self, path, command="true", *options, mount=quota_rows.QUOTA):
        return super().in_vm(path, command, "--rt", path + ".rt", *options, mount=mount)

    def contents(self, path, *names):
        found = []
        for name in names:
            done = support.xfsx("cat", "--rt-dev", path + ".rt", path, name, text=False)
            self.assertEqual(done.status, 0, done.err)
            found.append(done.out)
        return found

    def assert_silent(self, path):
        asked, found = xfsprogs.repair_complaints(path, xfsprogs.repairs(), "after the swap",
                                                  path + ".rt")
        self.assertTrue(asked)
        self.assertEqual(found, [])
