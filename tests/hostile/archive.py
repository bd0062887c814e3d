"""The hostile archive: images that somebody made on purpose, each spoiled in one way, every
checksum right. They are too many to ship and are made anew from shipped ones, by changing fields.

Here are those of version 5 without a realtime section; others stand beside it.
"""

import os
import struct

import log_cases  # noqa: F401 (adds its cases to the list)
import realtime_cases
import version_4_cases  # noqa: F401 (adds its cases to the list)
from cases import (BLOCKS, CASES, COUNT, FLAGS2, FORKOFF, FORMAT, NO_BLOCK, SIZE, case, number_of)
from xfs_patch import (AG_CRC, CORE, DA_BLOCK, DA_CRC, DATA_CRC, LONG_BLOCK, LONG_CRC,
                       SHORT_BLOCK, SHORT_CRC, mapping, stamped, u16, u32, u64)

OPENING = ("info", "log", "ls", "stat", "cat", "readlink", "xattr", "bmap")
# Nothing wrong in the eyes of xfs_repair -n, and why. All others it calls bad.
QUIET = {
    "attribute-of-two-gigabytes": "it does not ask how large values are; Linux keeps no larger "
                                  "ones than 64 KiB",
    "attribute-values-in-a-circle": "it does not read values; Linux compares their offsets",
    "link-to-itself": "nothing is wrong with the disk",
    "log-of-tiny-regions": "nothing is wrong with the log, which is clean",
    "mapping-past-all-offsets": "from 6.13 on; 6.1 says that it exceeds the largest offset",
    "name-of-two-dots": "in short form it lets the dots pass as names of files",
    **realtime_cases.QUIET,
}
REFLINK = 1 << 1
LEAF_START = 32 << 30  # the byte of a directory at which its hash tree begins


def directory_blocks(image, path):
    """The mappings of a directory, and the index of the first that lies in its hash tree."""
    found = image.mappings(number_of(image, path))
    leaf = LEAF_START // image.block
    return found, next((i for i, m in enumerate(found) if m[0] >= leaf), len(found))


def leaf_of(image, path):
    """The first block of the hash tree of a directory."""
    found, leaf = directory_blocks(image, path)
    return found[leaf][1]


def rename(image, path, old, new):
    """Changes bytes of names in the first block of a directory."""
    block = image.mappings(number_of(image, path))[0][1]
    at = image.read(image.fsblock(block), image.block).index(old)
    image.change_block(block, DATA_CRC, {at: new})


# Directories ---------------------------------------------------------------------------------

def change_short_entry(image, path, name, target):
    """Lets a name in a directory in short form lead to another inode."""
    number = number_of(image, path)
    at = CORE + image.literal(number).index(name) + len(name) + 1
    image.change_inode(number, {at: u32(target)})


@case(path="/dirs", ls=r"directory at inode 128: field inumber: .*below itself")
def directory_below_itself(image):
    """A directory names the root directory as one of its files."""
    change_short_entry(image, "/dirs", b"block", 128)


@case(path="/dirs", ls=r"directory at inode \d+: field inumber: .*two places")
def directory_in_two_places(image):
    """Two names lead to one directory, as a hard link would."""
    change_short_entry(image, "/dirs", b"block", number_of(image, "/dirs/files"))


@case(path="/dirs/short/../../dirs/short/..")
def dots_lead_nowhere(image):
    """A directory is its own parent."""
    number = number_of(image, "/dirs/short")
    image.change_inode(number, {CORE + 2: u32(number)})


@case(path="/dirs/short", ls=r"dir entry at .*field name: .*dots")
def name_of_two_dots(image):
    """A file is called `..`, so that what is written below it lands above."""
    number = number_of(image, "/dirs/short")
    at = CORE + 6
    length = image.literal(number)[6]
    short = bytes([2]) + image.literal(number)[7:9] + b".."
    rest = image.literal(number)[6 + 3 + length:]
    image.change_inode(number, {at: short + rest[:200],
                                SIZE: u64(70 - length + 2)})


@case(path="/dirs/block", ls=r"dir entry at .*field name: .*dots")
def name_of_one_dot_in_a_block(image):
    """The second time that a block says `.`, it is a file."""
    block = image.mappings(number_of(image, "/dirs/block"))[0][1]
    data = image.read(image.fsblock(block), image.block)
    at = DA_BLOCK + 16 * 2
    while data[at:at + 2] == b"\xff\xff":
        at += struct.unpack_from(">H", data, at + 2)[0]
    size = (11 + data[at + 8] + 1 + 7) // 8 * 8
    # The rest of the room of the longer name becomes free, which the header must say.
    assert size >= 24
    entry = data[at:at + 8] + b"\1." + b"\1" + bytes(3) + u16(at)
    unused = b"\xff\xff" + u16(size - 16) + bytes(size - 16 - 6) + u16(at + 16)
    free = data[48:60]
    lengths = sorted([size - 16] + [struct.unpack_from(">H", free, 4 * i + 2)[0]
                                    for i in range(3)], reverse=True)[:3]
    table = b"".join(u16(at + 16 if n == size - 16 else 0, n) for n in lengths)
    image.change_block(block, DATA_CRC, {at: entry + unused, 48: table})


@case(path="/names", ls=r"dir entry at .*: field name: .*slash")
def name_with_a_slash(image):
    """A name holds a slash: `../../etc/x` in one step."""
    rename(image, "/names", b"with space", b"../../../x")


@case(path="/names", ls=r"dir entry at .*: field name: .*zero")
def name_with_a_zero(image):
    """A name holds a zero, behind which C programs stop."""
    rename(image, "/names", b"with space", b"with\0space")


@case(path="/names/\x1b]0;\x07\x1b[2J\x7f\x9b/below", stat=r"\\033\]0;\\007.* \[ENOENT\]")
def names_that_command_terminals(image):
    """Names, the label and the target of a link hold what terminals obey."""
    # The bytes of the path above: Python's UTF-8 makes two of the last one.
    rename(image, "/names", b"with space", b"\x1b]0;\x07\x1b[2J\x7f\x9b"[:10])
    image.patch_superblock(108, b"\x1b[31m\x07\x9b\x1b[2J")
    number = number_of(image, "/shapes/symlink-local")
    image.change_inode(number, {CORE: b"\x1b[2J\x1b\x07"})


@case(base="block1k", ls=r"inode .*field size: found 4294967296")
def four_gigabytes_of_directory(image):
    """An image of 1 MiB holds a directory that claims to have 4 GiB."""
    shrink_to_a_megabyte(image)
    image.change_inode(image.root, {FORMAT: b"\2", SIZE: u64(4 << 30), BLOCKS: u64(400),
                                    COUNT: u32(1), CORE: mapping(0, 100, 400)})


def shrink_to_a_megabyte(image):
    """One AG of 1024 blocks of 1 KiB, whose second half is an empty log."""
    blocks = 1024
    os.truncate(image.path, blocks * image.block)
    image.write(512 * image.block, bytes(512 * image.block))
    image.change(0, 512, 224, {8: u64(blocks), 48: u64(512), 84: u32(blocks, 1), 96: u32(512),
                               124: bytes([10]), 144: u64(100)})
    image.change(image.header(0, 1), 512, AG_CRC[1],
                 {12: u32(blocks), 52: u32(1, 1), 208: u64(0)})
    image.change(image.header(0, 2), 512, AG_CRC[2], {12: u32(blocks), 320: u64(0)})
    # The log is younger than what lies on the disk.
    image.change_block(short_root(image, 2, 20), SHORT_CRC, {6: u16(1), 24: u64(0)})
    image.change_inode(image.root, {112: u64(0)})


@case(base="block1k", ls=r"startblock: .*overlap")
def directory_larger_than_the_image(image):
    """The blocks of a directory, in an image of 1 MiB, are the same few again and again."""
    shrink_to_a_megabyte(image)
    start, length = 400, 100
    records = b"".join(mapping(i * length, start, length) for i in range(10))
    image.change_inode(64, {FORMAT: b"\2", SIZE: u64(1000 << 10), BLOCKS: u64(1000),
                            COUNT: u32(10), CORE: records})


@case(path="/dirs/node", ls=r"field startblock: .*overlap", bmap=r"startblock: .*overlap")
def directory_over_itself(image):
    """Two mappings of a directory lead to the same block, which would list its names twice."""
    number = number_of(image, "/dirs/node")
    first, second = image.mappings(number)[:2]
    image.change_inode(number, {CORE + 16: mapping(second[0], first[1], second[2])})


@case(path="/dirs/leaf/none", stat=r"dir leaf block .*field count: found 65535")
def more_leaf_entries_than_fit(image):
    """The counts of the blocks of a hash tree are the largest."""
    image.change_block(leaf_of(image, "/dirs/leaf"), DA_CRC, {56: u16(0xFFFF)})
    image.change_block(leaf_of(image, "/dirs/node"), DA_CRC, {56: u16(0xFFFF)})
    found, _ = directory_blocks(image, "/dirs/node")
    image.change_block(found[-1][1], DATA_CRC, {52: u32(0x7FFFFFFF)})


@case(path="/dirs/block", ls=r"dir block .*field count: found 2147483647")
def more_entries_than_fit_a_block(image):
    """The end of a block claims more index entries than any block holds."""
    block = image.mappings(number_of(image, "/dirs/block"))[0][1]
    image.change_block(block, DATA_CRC, {image.block - 8: u32(0x7FFFFFFF)})


@case(path="/dirs/node/abffyqisa", stat=r"dir leaf block at .*: field forw")
def leaves_in_a_circle(image):
    """The last leaf of a hash tree says that it is followed by itself."""
    number = number_of(image, "/dirs/node")
    root = leaf_of(image, "/dirs/node")
    data = image.read(image.fsblock(root), image.block)
    count, = struct.unpack_from(">H", data, 56)
    last = DA_BLOCK + 8 * (count - 1)
    before, = struct.unpack_from(">I", data, last + 4)
    place = next(start + before - offset for offset, start, length in image.mappings(number)
                 if offset <= before < offset + length)
    image.change_block(root, DA_CRC, {last: u32(0xFFFFFFFF)})
    image.change_block(place, DA_CRC, {0: u32(before)})


@case(path="/dirs/node/name", stat=r"da node at .*field level: found 2, expected 1")
def hash_node_below_itself(image):
    """A node of a hash tree is its own child."""
    root = leaf_of(image, "/dirs/node")
    image.change_block(root, DA_CRC, {56: u16(1, 2), DA_BLOCK: u32(0xFFFFFFFF,
                                                                  LEAF_START // image.block)})


@case(path="/dirs/node/name", stat=r"da node at .*field level: found 255")
def hash_tree_of_255_levels(image):
    """The root of a hash tree claims to be 255 levels high."""
    image.change_block(leaf_of(image, "/dirs/node"), DA_CRC, {58: u16(255)})


@case(path="/dirs/short", ls=r"dir_sf_(hdr|entry) at .*field (count|namelen)")
def short_directory_that_overflows(image):
    """A directory in short form claims 255 names, the first of 255 bytes."""
    image.change_inode(number_of(image, "/dirs/short"), {CORE: b"\xff", CORE + 6: b"\xff"})


# Mappings and their btrees -------------------------------------------------------------------

def tree_file(image):
    """A file of 3000 mappings, two levels below the root: number, address of the root's pointer,
    and the node that it leads to."""
    number = number_of(image, "/swap/many-a")
    at, pointers = image.root_pointers(number)
    return number, at, pointers[0]


@case(base="block1k", path="/swap/many-a", cat=r"bmbt block at .*field ptrs", bmap=r"bmbt block",
      inspect_bmap=r"bmbt block at .*field ptrs")
def mapping_node_below_itself(image):
    """The child of a node is the node."""
    _, _, node = tree_file(image)
    image.change_block(node, LONG_CRC, {image.node_pointers_at(): u64(node)})


@case(base="block1k", path="/swap/many-a", cat=r"bmbt block at .*field rightsib")
def mapping_leaf_beside_itself(image):
    """A leaf's right neighbour is the leaf."""
    _, _, node = tree_file(image)
    leaf, = struct.unpack(">Q", image.read(image.fsblock(node) + image.node_pointers_at(), 8))
    image.change_block(leaf, LONG_CRC, {16: u64(leaf)})


@case(base="block1k", path="/swap/many-a", cat=r"bmbt block at .*field", bmap=r"bmbt block at",
      inspect_bmap=r"bmbt block at .*field ptrs: .*second")
def mapping_leaf_many_times(image):
    """Eight levels of nodes have one child each, as often as it fits: 58 to the power of 8."""
    number, at, node = tree_file(image)
    leaf, = struct.unpack(">Q", image.read(image.fsblock(node) + image.node_pointers_at(), 8))
    block, _ = image.free_blocks(1)
    head = image.read(image.fsblock(node), LONG_BLOCK)
    fit = (image.block - LONG_BLOCK) // 16
    for level in range(1, 8):
        data = head[:4] + u16(level, fit) + u64(NO_BLOCK, NO_BLOCK, image.daddr(block))
        data += head[32:LONG_BLOCK] + u64(*range(fit)) + u64(leaf) * fit
        image.write(image.fsblock(block), stamped(data.ljust(image.block, b"\0"), LONG_CRC))
        leaf, block = block, block + 1
    image.change_inode(number, {CORE: u16(8), at: u64(leaf), BLOCKS: u64(60000)})


@case(path="/swap/many-a", cat=r"bmdr at .*field level: found 255", bmap=r"level: found 255",
      inspect_bmap=r"bmdr at .*field level: found 255")
def mapping_tree_of_255_levels(image):
    """The root of a mapping btree claims to be 255 levels high."""
    image.change_inode(number_of(image, "/swap/many-a"), {CORE: u16(255)})


@case(path="/swap/many-a", cat=r"bmdr at .*field numrecs: found 65535",
      bmap=r"numrecs: found 65535", inspect_bmap=r"bmdr at .*field numrecs: found 65535")
def mapping_root_with_too_many(image):
    """The root of a mapping btree claims 65535 children."""
    image.change_inode(number_of(image, "/swap/many-a"), {CORE + 2: u16(65535)})


@case(path="/swap/twenty-a", cat=r"startblock: .*overlap", bmap=r"startblock: .*overlap")
def mappings_over_each_other(image):
    """The second mapping of a file lies over its first."""
    number = number_of(image, "/swap/twenty-a")
    first, second = image.mappings(number)[:2]
    image.change_inode(number, {CORE + 16: mapping(second[0], first[1], second[2])})


@case(path="/swap/one-a", cat=r"bmbt_rec at .*field startblock", bmap=r"field startblock")
def mapping_over_the_headers(image):
    """A file lies where the headers of its AG do."""
    image.change_inode(number_of(image, "/swap/one-a"), {CORE: mapping(0, 0, 3)})


@case(path="/swap/one-a", cat=r"bmbt_rec at .*field startblock: .*log", bmap=r"startblock: .*log")
def mapping_over_the_log(image):
    """A file lies where the log does: a swap of its blocks would tear the log."""
    image.change_inode(number_of(image, "/swap/one-a"), {CORE: mapping(0, image.log, 3)})


@case(path="/swap/one-a", cat=r"bmbt_rec at .*field startblock", bmap=r"field startblock")
def mapping_out_of_its_group(image):
    """A mapping begins in the last block of an AG and goes on."""
    image.change_inode(number_of(image, "/swap/one-a"),
                       {CORE: mapping(0, image.ag_blocks - 1, 3)})


@case(path="/swap/one-a", cat=r"bmbt_rec at .*field startoff", bmap=r"field startoff")
def mapping_past_all_offsets(image):
    """A mapping begins at the largest offset and goes on."""
    image.change_inode(number_of(image, "/swap/one-a"),
                       {CORE: mapping((1 << 54) - 1, image.mappings(132)[0][1], 3)})


@case(path="/swap/one-a", cat=r"inode at .*field nblocks: found", bmap=r"field nblocks")
def more_mapped_than_counted(image):
    """A file maps a thousand blocks and counts three."""
    start, _ = image.free_blocks(2)
    image.change_inode(number_of(image, "/swap/one-a"), {CORE: mapping(0, start, 1000)})


@case(path="/swap/many-a")
def one_block_many_times(image):
    """A file of shared blocks has one of them two hundred thousand times."""
    number = number_of(image, "/swap/many-a")
    start, length = max((image.free_blocks(ag) for ag in (1, 2, 3)), key=lambda run: run[1])
    fit, below = (image.block - LONG_BLOCK) // 16, 200
    nodes, leaves = range(start, start + 4), range(start + 4, start + 4 + 4 * below)
    assert len(leaves) < length
    uuid = image.read(32, 16)

    def write(level, blocks, at, count, body):
        left, right = (blocks[i] if 0 <= i < len(blocks) else NO_BLOCK for i in (at - 1, at + 1))
        data = b"BMA3" + u16(level, count) + u64(left, right, image.daddr(blocks[at]), 0) + uuid
        data += u64(number, 0) + body
        image.write(image.fsblock(blocks[at]), stamped(data.ljust(image.block, b"\0"), LONG_CRC))

    for i in range(len(leaves)):
        records = (mapping(i * fit + k, start, 1) for k in range(fit))
        write(0, leaves, i, fit, b"".join(records))
    for i in range(len(nodes)):
        keys = u64(*(fit * (i * below + k) for k in range(below))).ljust(8 * fit, b"\0")
        write(1, nodes, i, below, keys + u64(*leaves[i * below:(i + 1) * below]))
    at, _ = image.root_pointers(number)
    keys = u64(*(fit * below * i for i in range(len(nodes))))
    flags, = struct.unpack(">Q", image.read(image.inode(number) + FLAGS2, 8))
    image.change_inode(number, {CORE: u16(2, len(nodes)) + keys, at: u64(*nodes),
                                FLAGS2: u64(flags | REFLINK), BLOCKS: u64(1 << 40),
                                COUNT: u32(fit * len(leaves))})


# Inodes --------------------------------------------------------------------------------------

@case(path="/swap/one-a", stat=r"inode at .*field size: found 9223372036854775808",
      cat=r"field size", inspect_inode=r"inode at .*field size")
def size_of_two_to_the_63(image):
    """A file has a size that no signed number holds."""
    image.change_inode(number_of(image, "/swap/one-a"), {SIZE: u64(1 << 63)})


@case(path="/swap/one-a", stat=r"inode at .*field nblocks: found 18446744073709551615",
      inspect_inode=r"field nblocks")
def blocks_of_two_to_the_64(image):
    """A file counts 2^64 - 1 blocks."""
    image.change_inode(number_of(image, "/swap/one-a"), {BLOCKS: u64(NO_BLOCK)})


@case(path="/shapes/attr-local", stat=r"inode at .*field forkoff: found 255",
      inspect_inode=r"field forkoff")
def fork_beyond_the_inode(image):
    """The attribute fork begins 2040 bytes into an inode of 512."""
    image.change_inode(number_of(image, "/shapes/attr-local"), {FORKOFF: b"\xff"})


@case(path="/swap/one-a", stat=r"inode at .*field n(extents|blocks): found",
      inspect_inode=r"field n(extents|blocks)", inspect_bmap=r"field n(extents|blocks)")
def mappings_beyond_the_inode(image):
    """An inode claims 2^31 - 1 mappings inside itself."""
    image.change_inode(number_of(image, "/swap/one-a"), {COUNT: u32(0x7FFFFFFF),
                                                         BLOCKS: u64(16000)})


@case(path="/shapes/symlink-remote", readlink=r"inode at .*field size: found 2147483648",
      ls=r"field size")
def link_of_two_gigabytes(image):
    """The target of a symbolic link has 2^31 bytes."""
    image.change_inode(number_of(image, "/shapes/symlink-remote"), {SIZE: u64(1 << 31)})


@case(path="/shapes/symlink-remote", readlink=r"symlink block at .*field bytes")
def link_beyond_its_block(image):
    """The block of a symbolic link claims 2^32 - 1 bytes."""
    block = image.mappings(number_of(image, "/shapes/symlink-remote"))[0][1]
    image.change_block(block, DA_CRC, {8: u32(0xFFFFFFFF)})


@case(path="/shapes/symlink-local/x", stat=r"too many symbolic links")
def link_to_itself(image):
    """A symbolic link leads to itself."""
    number = number_of(image, "/shapes/symlink-local")
    target = b"/shapes/symlink-local"
    image.change_inode(number, {CORE: target, SIZE: u64(len(target))})


# Attributes ----------------------------------------------------------------------------------

def attr_block(image, path, magic):
    """The first block of an attribute fork with this magic number of a hash tree."""
    for _, start, length in image.attr_mappings(number_of(image, path)):
        for block in range(start, start + length):
            if image.read(image.fsblock(block) + 8, 2) == u16(magic):
                return block
    raise LookupError(path)


LEAF, NODE = 0x3BEE, 0x3EBE


@case(path="/shapes/attr-leaf", xattr=r"attr leaf at .*field usedbytes")
def attributes_of_one_name(image):
    """All entries of a leaf lead to the same name and value."""
    block = attr_block(image, "/shapes/attr-leaf", LEAF)
    data = image.read(image.fsblock(block), image.block)
    count, = struct.unpack_from(">H", data, 56)
    entry = data[80:88]
    image.change_block(block, DA_CRC, {80: entry * count})


@case(path="/shapes/attr-remote", xattr=r"attr leaf at .*field valueblk")
def attributes_of_one_value(image):
    """A hundred names lead to the same blocks of a value."""
    block = attr_block(image, "/shapes/attr-remote", LEAF)
    data = image.read(image.fsblock(block), image.block)
    count, = struct.unpack_from(">H", data, 56)
    remote = next(i for i in range(count) if not data[80 + 8 * i + 6] & 1)
    at, = struct.unpack_from(">H", data, 80 + 8 * remote + 4)
    name = data[at:at + 8] + b"\4name"
    names = 100
    first = image.block - 16 * names
    entries = b"".join(u32(0) + u16(first + 16 * i) + b"\0\0" for i in range(names))
    body = u16(names, 16 * names, first) + b"\0\0"
    body += u16(80 + 8 * names, first - 80 - 8 * names) + bytes(12)
    image.change_block(block, DA_CRC, {56: body, 80: entries, first: name.ljust(16, b"\0") * names})


@case(path="/shapes/attr-remote", xattr=r"attr leaf at .*field valuelen: found 2147483648")
def attribute_of_two_gigabytes(image):
    """The value of an attribute has 2^31 bytes."""
    change_remote_name(image, {4: u32(1 << 31)})


@case(path="/shapes/attr-remote", xattr=r"attr leaf at .*field valueblk: .*hole.*4294967295")
def attribute_in_a_hole(image):
    """The value of an attribute lies where its fork has nothing."""
    change_remote_name(image, {0: u32(0xFFFFFFFF)})


def change_remote_name(image, changes):
    block = attr_block(image, "/shapes/attr-remote", LEAF)
    data = image.read(image.fsblock(block), image.block)
    count, = struct.unpack_from(">H", data, 56)
    remote = next(i for i in range(count) if not data[80 + 8 * i + 6] & 1)
    at, = struct.unpack_from(">H", data, 80 + 8 * remote + 4)
    image.change_block(block, DA_CRC, {at + k: v for k, v in changes.items()})


@case(path="/shapes/attr-remote", xattr=r"attr_remote at .*field (offset|bytes)")
def attribute_values_in_a_circle(image):
    """The second block of a value is the first again."""
    number = number_of(image, "/shapes/attr-remote")
    for _, start, length in image.attr_mappings(number):
        for block in range(start, start + length):
            data = image.read(image.fsblock(block), image.block)
            if data[:4] == b"XARM" and data[4:8] == u32(0) and length > 1:
                image.change_block(start + length - 1, DA_CRC, {4: u32(0)})
                return
    raise LookupError


@case(path="/shapes/attr-node", xattr=r"attr leaf at .*field count: found 65535")
def more_attributes_than_fit(image):
    """A leaf of attributes counts 65535 of them."""
    image.change_block(attr_block(image, "/shapes/attr-node", LEAF), DA_CRC, {56: u16(0xFFFF)})


@case(path="/shapes/attr-node")
def attribute_node_below_itself(image):
    """A node over leaves of attributes is its own child, and so are the leaves' neighbours."""
    node = attr_block(image, "/shapes/attr-node", NODE)
    image.change_block(node, DA_CRC, {DA_BLOCK: u32(0xFFFFFFFF, 0)})
    image.change_block(attr_block(image, "/shapes/attr-node", LEAF), DA_CRC, {0: u32(1)})


@case(path="/shapes/attr-local", xattr=r"attr fork at .*field totsize: found 65535")
def short_attributes_that_overflow(image):
    """Attributes in short form claim 65535 bytes and 255 names."""
    number = number_of(image, "/shapes/attr-local")
    image.change_inode(number, {image.attr_fork(number): u16(0xFFFF) + b"\xff"})


# Allocation groups ---------------------------------------------------------------------------

def short_root(image, header, offset):
    """The root block of a btree of AG 0."""
    root, = struct.unpack(">I", image.read(image.header(0, header) + offset, 4))
    return root


@case(base="trees", path="inode:64", stat=r"inobt block at .*field ptrs")
def inode_tree_below_itself(image):
    """The children of the root of an inode btree are the root."""
    root = short_root(image, 2, 20)
    fit = (image.block - SHORT_BLOCK) // 8
    image.change_block(root, SHORT_CRC, {SHORT_BLOCK + 4 * fit: u32(root) * 2})


@case(base="trees", path="/trees/shared", bmap=r"refcountbt block at .*field ptrs")
def refcount_tree_below_itself(image):
    """The children of the root of a reference count btree are the root."""
    root = short_root(image, 1, 88)
    data = image.read(image.fsblock(root), image.block)
    count, = struct.unpack_from(">H", data, 6)
    fit = (image.block - SHORT_BLOCK) // 8
    image.change_block(root, SHORT_CRC, {SHORT_BLOCK + 4 * fit: u32(root) * count})


@case(path="inode:128", stat=r"inobt block at .*field numrecs: found 65535",
      inspect_inobt=r"numrecs: found 65535", inspect_bnobt=r"numrecs: found 65535",
      inspect_cntbt=r"numrecs: found 65535", inspect_finobt=r"numrecs: found 65535")
def more_records_than_fit(image):
    """The roots of the btrees of an AG count 65535 records."""
    for header, offset in ((2, 20), (2, 328), (1, 16), (1, 20)):
        image.change_block(short_root(image, header, offset), SHORT_CRC, {6: u16(0xFFFF)})


@case(path="inode:128", stat=r"inobt (block|record).* at .*field freecount: found 255")
def more_free_inodes_than_there_are(image):
    """A chunk of 64 inodes has 255 free ones."""
    root = short_root(image, 2, 20)
    image.change_block(root, SHORT_CRC, {SHORT_BLOCK + 7: b"\xff"})


@case(path="inode:128", stat=r"agi at .*field level: found 255",
      inspect_agi=r"level: found 255", inspect_agf=r"agf at .*field bnolevel: found 255")
def trees_of_255_levels(image):
    """The btrees of an AG claim to be 255 levels high."""
    image.change(image.header(0, 1), image.sector, AG_CRC[1], {28: u32(255, 255)})
    image.change(image.header(0, 2), image.sector, AG_CRC[2], {24: u32(255), 332: u32(255)})


@case(path="inode:128", stat=r"agi at .*field count: found 4294967295",
      inspect_agi=r"count: found 4294967295", inspect_agf=r"agf at .*field fl(first|count)",
      inspect_unlinked=r"agi at .*field count")
def counts_of_two_to_the_32(image):
    """The headers of an AG count 2^32 - 1 inodes and blocks of the free list."""
    image.change(image.header(0, 1), image.sector, AG_CRC[1], {40: u32(*[0xFFFFFFFF] * 3)})
    image.change(image.header(0, 2), image.sector, AG_CRC[2], {16: u32(0xFFFFFFFF)})


@case(path="inode:132", inspect_unlinked=r"inode at .*of inode 133: field next_unlinked: .*already")
def unlinked_in_a_circle(image):
    """The third inode of an unlinked list is the first again."""
    image.change(image.header(0, 2), image.sector, AG_CRC[2], {40: u32(131)})
    for number, following in ((131, 132), (132, 133), (133, 131)):
        image.change_inode(number, {96: u32(following)})


# The superblock ------------------------------------------------------------------------------

def superblock_case(**changes):
    def spoil(image):
        image.change(0, 512, 224, {int(k[1:]): v for k, v in changes.items()})
    return spoil


def add_superblock(name, what, field, **changes):
    spoil = superblock_case(**changes)
    spoil.__name__, spoil.__doc__ = name, what
    case(**{verb: r"sb at .*field " + field for verb in OPENING})(spoil)


add_superblock("groups_of_two_to_the_32", "The superblock counts 2^32 - 1 allocation groups.",
               "dblocks", _88=u32(0xFFFFFFFF))
add_superblock("blocks_of_64_kilobytes", "The superblock says that blocks are 64 KiB large.",
               "(inopblock|agblocks)", _4=u32(65536), _120=b"\x10")
add_superblock("image_of_two_to_the_63", "The superblock counts 2^51 blocks, in groups to match.",
               "(dblocks|agblklog|inopblog)", _8=u64(1 << 51), _84=u32(1 << 28, 1 << 23),
               _124=b"\x1c")
add_superblock("directory_blocks_of_2_to_the_200", "The superblock says that directory blocks are "
               "2^200 filesystem blocks large.", "dirblklog", _192=b"\xc8")
add_superblock("log_of_everything", "The log begins before the end and is larger than its AG.",
               "log(blocks|start)", _48=u64(1), _96=u32(0x7FFFFFFF))
add_superblock("root_nowhere", "The root directory is inode 2^64 - 1.", "rootino",
               _56=u64(NO_BLOCK))


@case(**{verb: r"sb at .*field dblocks: found 16384, expected at most 25" for verb in OPENING})
def image_cut_short(image):
    """The image ends after 100 KiB."""
    os.truncate(image.path, 100 << 10)


@case(**{verb: r"\[EUCLEAN\]" for verb in OPENING})
def image_of_one_sector(image):
    """The image ends within the first block."""
    os.truncate(image.path, 512)


# The log -------------------------------------------------------------------------------------

def log_record(image, which):
    """Where the first or last record of the log lies, in bytes."""
    start = image.fsblock(image.log)
    data = image.read(start, image.log_bytes)
    places = [at for at in range(0, len(data), 512)
              if data[at:at + 4] == b"\xfe\xed\xba\xbe" and data[at + 12:at + 16] != bytes(4)]
    return start + places[which]


@case(base="dirty-log", log=r"log_record at log block \d+: field (h_)?len",
      inspect_log=r"log_record")
def log_records_of_two_gigabytes(image):
    """The records of a log claim 2^31 bytes and 2^32 - 1 operations, in buffers of 2^31 bytes."""
    start = image.fsblock(image.log)
    data = image.read(start, image.log_bytes)
    for at in range(0, len(data), 512):
        if data[at:at + 4] == b"\xfe\xed\xba\xbe":
            image.write(start + at + 12, u32(1 << 31))
            image.write(start + at + 40, u32(0xFFFFFFFF))
            image.write(start + at + 320, u32(1 << 31))


@case(base="dirty-log", log=r"log_record at log block \d+: field")
def log_tail_beyond_the_log(image):
    """The last record says that the tail lies behind the end of the log."""
    image.write(log_record(image, -1) + 24, u64(0x7FFFFFFF))


def fill_log(image, operations):
    """Writes the log anew: records of the same operations, which are one transaction without an
    end, and behind them one that says that the filesystem was unmounted. Without checksums:
    history needs none."""
    start, blocks = image.fsblock(image.log), image.log_bytes // 512
    model = image.read(log_record(image, 0), 512)
    at, begin = 0, [operation(b"", 1), operation(b"NART" + bytes(12))]
    body = log_record_body(operations)
    data, count = log_record_body(begin), len(begin)
    while at + 1 + len(data) // 512 + 2 < blocks:
        image.write(start + at * 512, log_record_of(model, at, data, count))
        at, data, count = at + 1 + len(data) // 512, body, len(operations)
    unmount = log_record_body([operation(b"nU" + bytes(6), 0x20, b"\xaa", 0)])
    image.write(start + at * 512, log_record_of(model, at, unmount, 1))
    # The rest was never written.
    image.write(start + (at + 2) * 512, bytes((blocks - at - 2) * 512))


def log_record_body(operations):
    whole = b"".join(operations)
    return whole + bytes(-len(whole) % 512)


def operation(payload, flags=0, client=b"\x69", transaction=0x1234):
    return u32(transaction, len(payload)) + client + bytes([flags, 0, 0]) + payload


def log_record_of(model, at, data, operations):
    """A record of the first cycle at block `at`; `model` is the header of another."""
    data = bytearray(data)
    words = b"".join(data[i:i + 4] for i in range(0, len(data), 512))
    data[::512], data[1::512] = bytes(len(data) // 512), bytes(len(data) // 512)
    data[2::512], data[3::512] = bytes(len(data) // 512), b"\1" * (len(data) // 512)
    lsn = 1 << 32 | at
    head = model[:4] + u32(1, 2, len(data)) + u64(lsn, 1 << 32) + u32(0, 0xFFFFFFFF, operations)
    head += words.ljust(256, b"\0") + u32(1) + model[304:320] + u32(32768)
    return head.ljust(512, b"\0") + bytes(data)


@case(base="log-su32k")
def log_of_tiny_regions(image):
    """The log is one transaction, of a million regions of a byte each."""
    item = [operation(b"\x3c\x12\x10\0")] + [operation(b"x")] * 15
    fill_log(image, item * 150)
