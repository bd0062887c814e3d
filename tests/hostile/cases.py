"""What a case of the hostile archive is, and the list of them.

A case is a function that changes an image. It says which file to look at, and which words each
verb's error has where the damage must be told; what it does not name may go well or fail, as long
as it ends in time, within memory, and with a documented status.
"""

import functools
import os

import numbers_of_files
import support
from xfs_patch import Image

CASES = {}
NO_BLOCK = 0xFFFFFFFFFFFFFFFF
# Fields of inodes and of the superblock by their offsets.
VERSION, FORMAT, PROJECT, LARGE_COUNT, SIZE, BLOCKS, COUNT, FORKOFF, FLAGS, FLAGS2 = (
    4, 5, 20, 24, 56, 64, 76, 82, 90, 120)
METADIRINO = 264
METADATA = "metadata:"  # begins the name of a file in the tree of metadata files


class Case:
    def __init__(self, make, base, path, errors):
        self.name = make.__name__.replace("_", "-")
        self.what, self.make, self.base, self.path = make.__doc__, make, base, path
        self.errors = errors

    def spoil(self, path):
        """Changes the copy of the base at `path`."""
        image = Image(path)
        image.base = self.base
        self.make(image)

    def file(self):
        """The file that the case is about, as verbs take it."""
        return "inode:%d" % self.number() if self.path.startswith(METADATA) else self.path

    def number(self):
        """The inode that the case is about: the deepest of its path that the base knows."""
        if self.path.startswith("inode:"):
            return int(self.path[6:])
        if self.path.startswith(METADATA):
            return metadata_number(self.base, self.path[len(METADATA):])
        known = self.path
        while known not in numbers_of_files.numbers(self.base):
            known = os.path.dirname(known)
        return numbers_of_files.number(self.base, known)


def case(base="debian12", path="/", **errors):
    """`errors`: for a verb, or an inspection with its words joined by _, what it must say."""
    def add(make):
        one = Case(make, base, path, errors)
        CASES[one.name] = one
        return make
    return add


def number_of(image, path):
    return numbers_of_files.number(image.base, path)


@functools.lru_cache(maxsize=None)
def metadata_number(base, path):
    """The inode of a file in the tree of metadata files, in whose directories no name is a part
    of another; of its root, if the path is empty."""
    image = Image(support.image(base))
    number = int.from_bytes(image.read(METADIRINO, 8), "big")
    for name in filter(None, path.split("/")):
        number = metadata_entry(image, number, name)[1]
    return number


def metadata_entry(image, directory, name):
    """Where in a directory of metadata files the inode of a name stands, as a byte of the image,
    and what it is."""
    core = image.read(image.inode(directory), image.inode_size)
    if core[FORMAT] == 1:
        at = core.index(name.encode()) + len(name) + 1
        return image.inode(directory) + at, int.from_bytes(core[at:at + 4], "big")
    block = image.fsblock(image.mappings(directory)[0][1])
    data = image.read(block, image.block)
    at = data.index(bytes([len(name)]) + name.encode()) - 8
    return block + at, int.from_bytes(data[at:at + 8], "big")
