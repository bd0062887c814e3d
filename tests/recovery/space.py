"""Counters of an image and the blocks of the trees of its AGs, read without help from xfsx."""
import re
import struct
from collections import Counter

import disks
from judging import manifest, xfsprogs

HEADER = 56                     # of a short btree block, version 5
KEYS = {b"IAB3": 4, b"FIB3": 4, b"R3FC": 4}
NOBODY = 0xFFFFFFFF
STAGING = 1 << 31               # of the start block: taken for a copy on write
REFLINK, FINOBT = 1 << 2, 1 << 0
RECORDS_OF_COUNTS = 12


def knows(image):
    """Whether the image is one of version 5, which the rest of this file can read."""
    return manifest.superblock(image)["versionnum"] & 15 == 5


def blocks_of_groups(image):
    """Blocks of the metadata files of all realtime groups, whose trees grow and shrink by their
    history."""
    def ask(*commands):
        words = [word for command in commands for word in ("-c", command)]
        return xfsprogs.run([disks.newest("xfs_db"), "-r", *words, image], check=False).stdout
    groups = int(re.search(r"rgcount = (\d+)", ask("sb 0", "print rgcount")).group(1))
    commands = []
    for number in range(groups):
        for tree in ("rmap", "refcount"):
            # A path that is not there leaves the superblock current, which has no such field.
            commands += ["sb 0", "path -m /rtgroups/%d.%s" % (number, tree), "print core.nblocks"]
    return sum(int(n) for n in re.findall(r"core.nblocks = (\d+)", ask(*commands)))


class Space:
    """What the superblock and the AGs say."""

    def __init__(self, image):
        self.superblock = manifest.superblock(image)
        self.trees, self.unlinked, self.staging, self.per_group = Counter(), [], [], []
        with open(image, "rb") as self.file:
            sb = self._at(0, 264)
            self.block, = struct.unpack_from(">I", sb, 4)
            self.group_blocks, self.groups = struct.unpack_from(">II", sb, 84)
            self.sector, = struct.unpack_from(">H", sb, 102)
            self.ro_compat = self.superblock["features_ro_compat"]
            for number in range(self.groups):
                self._group(number)
        if xfsprogs.has_groups(image):
            self.trees["realtime groups"] = blocks_of_groups(image)

    def _at(self, offset, length):
        self.file.seek(offset)
        return self.file.read(length)

    def _group(self, number):
        start = number * self.group_blocks * self.block
        agf = self._at(start + self.sector, 224)
        agi = self._at(start + 2 * self.sector, 344)
        buckets = struct.unpack_from(">64I", agi, 40)
        self.unlinked += [(number, i, head) for i, head in enumerate(buckets) if head != NOBODY]
        inodes, inode_root = struct.unpack_from(">II", agi, 16)
        free_inodes, = struct.unpack_from(">I", agi, 28)
        free, longest, tree_blocks = struct.unpack_from(">III", agf, 52)
        listed, = struct.unpack_from(">I", agf, 48)
        self.per_group.append({"inodes": inodes, "free inodes": free_inodes,
                               "free": free + listed + tree_blocks, "longest": longest,
                               "listed": listed, "tree blocks": tree_blocks})
        self._tree("inodes", number, inode_root)
        if self.ro_compat & FINOBT:
            self._tree("free inodes", number, struct.unpack_from(">I", agi, 328)[0])
        if self.ro_compat & REFLINK:
            self._tree("counts", number, struct.unpack_from(">I", agf, 88)[0], self._counts)

    def _counts(self, number, block, records):
        for i in range(records):
            start, length = struct.unpack_from(">II", block, HEADER + RECORDS_OF_COUNTS * i)
            if start & STAGING:
                self.staging.append((number, start & ~STAGING, length))

    def _tree(self, name, group, root, leaf=None):
        todo = [root]
        while todo:
            place = todo.pop()
            block = self._at((group * self.group_blocks + place) * self.block, self.block)
            self.trees[name] += 1
            key = KEYS.get(block[:4])
            level, records = struct.unpack_from(">HH", block, 4)
            if key is None:
                raise ValueError("AG %d block %d: no block of a tree of %s" % (group, place, name))
            if level == 0:
                if leaf:
                    leaf(group, block, records)
                continue
            most = (self.block - HEADER) // (key + 4)
            todo += struct.unpack_from(">%dI" % records, block, HEADER + key * most)

    def leftovers(self):
        """What recovery should have taken away."""
        found = []
        if self.unlinked:
            found.append("unlinked inodes are listed still: %s" % self.unlinked[:6])
        if self.staging:
            found.append("blocks taken for copies are counted still: %s" % self.staging[:6])
        return found

    def all_blocks(self):
        """Free blocks and those of trees that grow and shrink by their history."""
        return self.superblock["fdblocks"] + sum(self.trees.values())


def differences(theirs, ours, their_used, our_used):
    """(what must not be, what is only worth a note) of two recovered images; USED: the blocks that
    files occupy, their mapping btrees included."""
    wrong, notes = [], []
    for key, want in theirs.superblock.items():
        if key != "fdblocks" and ours.superblock[key] != want:
            wrong.append("sb_%s: Linux %d, here %d" % (key, want, ours.superblock[key]))
    for number, (one, two) in enumerate(zip(theirs.per_group, ours.per_group)):
        for key in ("inodes", "free inodes"):
            if one[key] != two[key]:
                wrong.append("AG %d %s: Linux %d, here %d" % (number, key, one[key], two[key]))
    if theirs.superblock["fdblocks"] != ours.superblock["fdblocks"]:
        said = "sb_fdblocks: Linux %d, here %d; trees: Linux %s, here %s; files: %d, %d" % (
            theirs.superblock["fdblocks"], ours.superblock["fdblocks"], dict(theirs.trees),
            dict(ours.trees), their_used, our_used)
        even = theirs.all_blocks() + their_used == ours.all_blocks() + our_used
        (notes if even else wrong).append(said)
    return wrong, notes
