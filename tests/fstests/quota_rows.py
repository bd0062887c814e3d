"""What the rows of xfstests about quota share.

The debug kernel of tests/oracle/vm makes the images and judges them: the running one may know
nothing of quota. Scrub compares what is counted for each owner with what its inodes have, and a
mount whose checked flags were cleared counts anew.
"""

import atexit
import functools
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ORACLE = os.path.join(ROOT, "tests", "oracle")
sys.path[:0] = [ORACLE] + [os.path.join(ROOT, "tests", part) for part in ("cli", "stages/lib")]
import machine  # noqa: E402
import support  # noqa: E402
import xfs_patch  # noqa: E402
from judging import xfsprogs  # noqa: E402

SIZE = 300 << 20        # bytes of an image, most of them holes
QFLAGS_AT, CHECKED = 176, 0x0504
QUOTA = "uquota,gquota,pquota"
# What the images are made of, by the mkfs.xfs of the virtual machine.
FEATURES = {
    "plain": "-m rmapbt=0,reflink=0,metadir=0 -i nrext64=0,exchange=0 -n parent=0",
    "modern": "-m rmapbt=1,reflink=1,metadir=0 -i nrext64=1,exchange=1 -n parent=1",
    "block1k": "-b size=1024 -m rmapbt=0,metadir=0 -i nrext64=0,exchange=0 -n parent=0",
}
# The files of the row: of two users, groups and projects. The donor's mappings lie in a btree.
FILL = """set -e
xfs_io -f -c 'pwrite -q -S 0x58 0 256k' -c fsync $MNT/a
for i in $(seq 8 8 248); do xfs_io -c "fpunch ${i}k 4k" $MNT/a; done
xfs_io -f -c 'pwrite -q -S 0x59 0 64k' -c 'truncate 256k' -c fsync $MNT/b
chown 5001:6001 $MNT/a
chown 5002:6002 $MNT/b
xfs_io -c 'chproj 11' $MNT/a
xfs_io -c 'chproj 12' $MNT/b
"""


@functools.lru_cache(maxsize=None)
def scratch():
    folder = tempfile.mkdtemp(prefix="xfsx-quota.",
                              dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def swap(path, *words):
    return support.xfsx("swap", path, *words)


class QuotaRow(unittest.TestCase):
    def setUp(self):
        if not machine.debug_kernels():
            self.skipTest("no debug kernel")
        self.folder = tempfile.mkdtemp(dir=scratch())
        self.addCleanup(shutil.rmtree, self.folder)

    def in_vm(self, path, command="true", *options, mount=QUOTA):
        """Mounts the image in the debug kernel; what COMMAND has printed."""
        out = tempfile.mkdtemp(dir=self.folder)
        done = subprocess.run([os.path.join(ORACLE, "vm", "vm-judge"), path, "--kernel", "uml",
                               "--quiet", "--no-manifest", "--mount-opts", mount, "--out", out,
                               "--command", "{ %s\n} > $OUT/said" % command, *options],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:])
        with open(os.path.join(out, "said"), encoding="utf-8") as said:
            return said.read()

    def make(self, features, more=""):
        path = os.path.join(self.folder, features + ".img")
        with open(path, "wb") as image:
            image.truncate(SIZE)
        first = os.path.join(self.folder, "first")
        with open(first, "w", encoding="utf-8") as script:
            script.write("mkfs.xfs -q %s $DEV\n" % FEATURES[features])
        self.in_vm(path, FILL + more, "--write", "--run-first", first)
        return path

    def used(self, path, *options):
        """Blocks by kind and owner, as the kernel reports them after a mount; scrub has compared
        them with the inodes."""
        said = self.in_vm(path, "for kind in u g p; do echo $kind; "
                          "xfs_quota -x -c \"report -$kind -N -n -b\" $MNT; done",
                          "--scrub=both", *options)
        found, kind = {}, None
        for line in said.splitlines():
            if re.fullmatch("[ugp]", line):
                kind = line
            elif match := re.match(r"#(\d+)\s+(\d+)", line):
                found[kind, int(match.group(1))] = int(match.group(2))
        return found

    def recounted(self, path):
        """The same when the kernel has to count."""
        copy = os.path.join(self.folder, "recounted.img")
        support.copy_sparse(path, copy)
        image = xfs_patch.Image(copy)
        flags, = struct.unpack(">H", image.read(QFLAGS_AT, 2))
        self.assertEqual(flags & CHECKED, CHECKED)
        image.patch_superblock(QFLAGS_AT, struct.pack(">H", flags & ~CHECKED))
        return self.used(copy)

    def assert_silent(self, path):
        """Of every xfs_repair that knows the features; they count quota too."""
        asked, found = xfsprogs.repair_complaints(path, xfsprogs.repairs(), "after the swap")
        self.assertTrue(asked)
        self.assertEqual(found, [])
