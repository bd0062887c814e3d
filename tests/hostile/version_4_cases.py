"""Hostile images of version 4, where nothing says whose it is and no checksum guards it."""

import struct

from cases import (BLOCKS, COUNT, FORMAT, NO_BLOCK, SIZE, VERSION, case, number_of)
from xfs_patch import CORE_V4, DA_CRC, mapping, u16, u32, u64

CORE = CORE_V4
SHORT_BLOCK, LONG_BLOCK, DIR_DATA, LEAF = 16, 24, 16, 32
UNUSED = 0xFFFF
LOG_CRC = 32  # zero for none
LEAF_START = 32 << 30  # the byte of a directory at which its hash tree begins
LEAF_MAGIC, NODE_MAGIC = 0xFBEE, 0xFEBE


# Mappings and their btrees -------------------------------------------------------------------

def tree_file(image):
    """A file of 3000 mappings: its number, the node below its root and where in a node the
    pointers lie."""
    number = number_of(image, "/swap/many-a")
    _, pointers = image.root_pointers(number)
    return number, pointers[0], LONG_BLOCK + (image.block - LONG_BLOCK) // 16 * 8


@case(base="v4-block1k", path="/swap/many-a", cat=r"bmbt block at .*field ptrs", bmap=r"bmbt block",
      inspect_bmap=r"bmbt block at .*field ptrs")
def old_mapping_node_below_itself(image):
    """The child of a node is the node."""
    _, node, at = tree_file(image)
    image.change_block(node, 0, {at: u64(node)})


@case(base="v4-block1k", path="/swap/many-a", cat=r"bmbt block at .*field (level|ptrs)",
      bmap=r"bmbt block at", inspect_bmap=r"bmbt block at .*field (level|ptrs)")
def old_mapping_nodes_in_a_circle(image):
    """The child of a node is a copy of it, whose child is the node."""
    _, node, at = tree_file(image)
    other, _ = image.free_blocks(1)
    image.write(image.fsblock(other), image.read(image.fsblock(node), image.block))
    image.change_block(node, 0, {at: u64(other)})
    image.change_block(other, 0, {at: u64(node)})


@case(base="v4-block1k", path="/swap/many-a", cat=r"bmbt block at .*field", bmap=r"bmbt block at",
      inspect_bmap=r"bmbt block at .*field ptrs: .*second")
def old_mapping_leaf_many_times(image):
    """Eight levels of nodes have one child each, as often as it fits."""
    number, node, at = tree_file(image)
    leaf, = struct.unpack(">Q", image.read(image.fsblock(node) + at, 8))
    block, _ = image.free_blocks(1)
    fit = (image.block - LONG_BLOCK) // 16
    for level in range(1, 8):
        data = b"BMAP" + u16(level, fit) + u64(NO_BLOCK, NO_BLOCK)
        data += u64(*range(fit)) + u64(leaf) * fit
        image.write(image.fsblock(block), data.ljust(image.block, b"\0"))
        leaf, block = block, block + 1
    pointer, _ = image.root_pointers(number)
    image.change_inode(number, {CORE: u16(8), pointer: u64(leaf), BLOCKS: u64(60000)})


@case(base="v4-block1k", path="/swap/many-b", cat=r"inode at .*field nextents",
      bmap=r"inode at .*field nextents")
def old_mappings_of_another_file(image):
    """A file has the btree of another one."""
    number, other = (number_of(image, "/swap/many-" + c) for c in "ba")
    at, _ = image.root_pointers(number)
    _, pointers = image.root_pointers(other)
    image.change_inode(number, {at: u64(pointers[0])})


@case(base="v4", path="/swap/many-a", cat=r"field nblocks", bmap=r"field nblocks",
      inspect_bmap=r"inode at .*field nblocks")
def old_mappings_of_all_blocks(image):
    """A file has a million mappings, in leaves that fill a group."""
    number = number_of(image, "/swap/many-a")
    each = (image.block - LONG_BLOCK) // 16
    start, length = image.free_blocks(1)
    leaves = list(range(start + 40, start + length))
    for i, leaf in enumerate(leaves):
        left, right = (leaves[j] if 0 <= j < len(leaves) else NO_BLOCK for j in (i - 1, i + 1))
        records = b"".join(mapping(i * each + k, start, 1) for k in range(each))
        data = b"BMAP" + u16(0, each) + u64(left, right) + records
        image.write(image.fsblock(leaf), data.ljust(image.block, b"\0"))
    fit = each
    nodes = list(range(start, start + (len(leaves) + fit - 1) // fit))
    for i, node in enumerate(nodes):
        left, right = (nodes[j] if 0 <= j < len(nodes) else NO_BLOCK for j in (i - 1, i + 1))
        below = leaves[i * fit:(i + 1) * fit]
        keys = u64(*(each * (i * fit + k) for k in range(len(below)))).ljust(8 * fit, b"\0")
        data = b"BMAP" + u16(1, len(below)) + u64(left, right) + keys + u64(*below)
        image.write(image.fsblock(node), data.ljust(image.block, b"\0"))
    # One more level, since no root holds so many.
    top = start + len(nodes)
    keys = u64(*(each * fit * i for i in range(len(nodes)))).ljust(8 * fit, b"\0")
    data = b"BMAP" + u16(2, len(nodes)) + u64(NO_BLOCK, NO_BLOCK) + keys + u64(*nodes)
    image.write(image.fsblock(top), data.ljust(image.block, b"\0"))
    at, _ = image.root_pointers(number)
    image.change_inode(number, {CORE: u16(3, 1) + u64(0), at: u64(top), SIZE: u64(1 << 40),
                                COUNT: u32(each * len(leaves)), BLOCKS: u64(16384)})


# Directories ---------------------------------------------------------------------------------

def data_block(image, path="/dirs/block"):
    return image.mappings(number_of(image, path))[0][1]


@case(base="v4", path="/dirs/block", ls=r"dir block at .*field length: found 0")
def old_unused_space_of_nothing(image):
    """Unused space of a directory block is no bytes long."""
    image.change_block(data_block(image), 0, {DIR_DATA + 32: u16(UNUSED, 0)})


@case(base="v4", path="/dirs/block", ls=r"dir block at .*field length: found 65528")
def old_unused_space_past_the_block(image):
    """Unused space of a directory block is longer than the block."""
    image.change_block(data_block(image), 0, {DIR_DATA + 32: u16(UNUSED, 0xFFF8)})


@case(base="v4", path="/dirs/block", ls=r"dir block at .*field (namelen|tag|inumber)")
def old_name_past_the_block(image):
    """The last name of a directory block has 255 bytes."""
    block = data_block(image)
    data = image.read(image.fsblock(block), image.block)
    count, = struct.unpack_from(">I", data, image.block - 8)
    last = max(8 * struct.unpack_from(">I", data, image.block - 8 - 8 * i - 4)[0]
               for i in range(count))
    image.change_block(block, 0, {last + 8: b"\xff"})


@case(base="v4", path="/dirs/short", ls=r"inode at .*field size: found", stat=r"field size")
def old_short_directory_past_the_inode(image):
    """A directory in short form is longer than its inode."""
    image.change_inode(number_of(image, "/dirs/short"), {SIZE: u64(4000)})


@case(base="v4", path="/dirs/short", ls=r"dir_sf_(hdr|entry) at .*field (count|namelen)")
def old_short_directory_that_overflows(image):
    """A directory in short form claims 255 names, the first of 255 bytes."""
    image.change_inode(number_of(image, "/dirs/short"), {CORE: b"\xff", CORE + 6: b"\xff"})


@case(base="v4", path="/dirs/block", ls=r"inode at .*field (format|nextents)", stat=r"inode at .*")
def old_directory_of_devices(image):
    """The data fork of a directory is in the form of devices, and then has mappings."""
    image.change_inode(number_of(image, "/dirs/block"), {FORMAT: b"\0"})


@case(base="v4", path="/swap/one-a", stat=r"inode at .*field version: found 3")
def old_inode_of_version_3(image):
    """An inode says that it is of a version that the filesystem does not have."""
    image.change_inode(number_of(image, "/swap/one-a"), {VERSION: b"\3"})


# Attributes ----------------------------------------------------------------------------------

def attr_leaf(image, path="/shapes/attr-leaf"):
    return image.attr_mappings(number_of(image, path))[0][1]


@case(base="v4", path="/shapes/attr-leaf", xattr=r"attr leaf at .*field (nameidx|usedbytes)")
def old_attributes_over_each_other(image):
    """The names of two attributes lie over each other, and nothing else is wrong."""
    block = bytearray(image.block)
    name = image.block - 12
    block[name:name + 12] = u16(0) + b"\x09abcdefghi"
    entries = u32(1) + u16(name) + b"\1\0" + u32(2) + u16(name) + b"\1\0"
    struct.pack_into(">IIHHHHH", block, 0, 0, 0, LEAF_MAGIC, 0, 2, 24, name)
    block[LEAF:LEAF + 16] = entries
    image.write(image.fsblock(attr_leaf(image)), bytes(block))


@case(base="v4", path="/shapes/attr-leaf", xattr=r"attr leaf at .*field (nameidx|usedbytes)")
def old_attribute_over_the_header(image):
    """The name of an attribute is the header of its leaf."""
    leaf = attr_leaf(image)
    image.change_block(leaf, DA_CRC, {LEAF + 4: u16(0)})


@case(base="v4", path="/shapes/attr-leaf", xattr=r"attr leaf at .*(field forw|loop)|da node at .*")
def old_attribute_node_below_itself(image):
    """The leaf of attributes is a node, which is its own child."""
    node = u32(0, 0) + u16(NODE_MAGIC, 0, 1, 1) + u32(0xFFFFFFFF, 0)
    image.change_block(attr_leaf(image), DA_CRC, {0: node})


# Allocation groups ---------------------------------------------------------------------------

@case(base="v4", path="inode:128", stat=r"inobt block at .*field ptrs",
      find_owner=r"inobt block at .*field ptrs")
def old_inode_tree_below_itself(image):
    """The root of the inodes is a node over itself."""
    root, = struct.unpack(">I", image.read(image.header(0, 2) + 20, 4))
    fit = (image.block - SHORT_BLOCK) // 8
    first = image.read(image.fsblock(root) + SHORT_BLOCK, 4)
    image.change_block(root, 0, {4: u16(1, 1), SHORT_BLOCK: first,
                                 SHORT_BLOCK + 4 * fit: u32(root)})
    image.change(image.header(0, 2), image.sector, 0, {24: u32(2)})


@case(base="v4", path="inode:128", stat=r"inobt block at .*field magic")
def old_inode_tree_is_a_tree_of_free_space(image):
    """The root of the inodes is that of the free space."""
    free = image.read(image.header(0, 1) + 16, 4)
    image.change(image.header(0, 2), image.sector, 0, {20: free})


@case(base="v4-unlinked", inspect_unlinked=r"inode at .*field next_unlinked: .*already")
def old_unlinked_in_a_circle(image):
    """An inode of an unlinked list is followed by itself."""
    agi = image.read(image.header(0, 2), image.sector)
    first = next(n for n in struct.unpack_from(">64I", agi, 40) if n != 0xFFFFFFFF)
    image.change_inode(first, {96: u32(first)})


@case(base="v4", path="inode:128", inspect_agf=r"agf at .*field fl(first|count)",
      find_owner=r"agf at .*field fl(first|count)", stat=r"agi at .*field count: found 4294967295")
def old_counts_of_two_to_the_32(image):
    """The headers of an AG count 2^32 - 1 inodes and blocks of the free list."""
    image.change(image.header(0, 1), image.sector, 0, {40: u32(*[0xFFFFFFFF] * 3)})
    image.change(image.header(0, 2), image.sector, 0, {16: u32(0xFFFFFFFF)})


@case(base="v4", path="inode:128", find_owner=r"agf at .*field fl(first|last|count)")
def old_free_list_past_its_sector(image):
    """The free list of an AG begins behind what a sector of version 4 holds."""
    image.change(image.header(0, 1), image.sector, 0, {40: u32(128, 131, 4)})


@case(base="v4", path="inode:128", find_owner=r"agfl at .*field bno|agfl? .*field")
def old_free_list_of_headers(image):
    """The free list of an AG has the block of the headers, and one of no AG."""
    first, = struct.unpack(">I", image.read(image.header(0, 1) + 40, 4))
    image.write(image.header(0, 3) + 4 * first, u32(0, 0xFFFFFFFE))


@case(base="v4", path="/dirs/leaf/none", stat=r"dir leaf block at .*field count: found 65535")
def old_leaf_entries_that_do_not_fit(image):
    """The leaf of a directory counts 65535 entries."""
    found = image.mappings(number_of(image, "/dirs/leaf"))
    image.change_block(next(m[1] for m in found if m[0] >= LEAF_START // image.block), DA_CRC,
                       {12: u16(0xFFFF)})


# The log -------------------------------------------------------------------------------------

def change_records(image, changes):
    """Changes the header of each record of the log but the first, which mkfs wrote."""
    start = image.fsblock(image.log)
    data = image.read(start, image.log_bytes)
    for at in range(512, len(data), 512):
        if data[at:at + 4] == b"\xfe\xed\xba\xbe":
            for offset, new in changes.items():
                image.write(start + at + offset, new)


@case(base="v4-dirty-old")
def old_log_records_of_two_gigabytes(image):
    """The records of a log of version 1 claim 2^31 bytes. They are no more than Linux takes for
    torn."""
    change_records(image, {12: u32(1 << 31), 40: u32(0xFFFFFFFF)})


@case(base="v4-dirty-old")
def old_log_of_both_versions(image):
    """The records of a log of version 1 say that they are of version 2, with buffers of 2^31."""
    change_records(image, {8: u32(2), 320: u32(1 << 31)})


@case(base="v4-dirty-old", log=r"log.*field", inspect_log=r"log.*field")
def old_log_tail_beyond_the_log(image):
    """The records say that the tail lies behind the end of the log."""
    change_records(image, {24: u64(0x7FFFFFFF)})


@case(base="v4-dirty-old", log=r"log_op at .*field len: found 4294967295")
def old_log_operations_of_four_gigabytes(image):
    """The first operation of each record of a log of version 1 claims 2^32 - 1 bytes."""
    change_records(image, {LOG_CRC: u32(0), 512 + 4: u32(0xFFFFFFFF)})
