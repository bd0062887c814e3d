"""Hostile images with quota, realtime sections, realtime groups and trees of metadata files."""

import os
import struct

from cases import (BLOCKS, COUNT, FLAGS, FLAGS2, FORKOFF, LARGE_COUNT, METADATA, NO_BLOCK, PROJECT,
                   SIZE, case, metadata_entry, metadata_number, number_of)
from xfs_patch import (CORE, DATA_CRC, LONG_BLOCK, LONG_CRC, NREXT64, SHORT_BLOCK, SHORT_CRC,
                       mapping, stamped, u16, u32, u64)

QUIET = {
    "zones-among-the-data": "it does not ask where zones begin",
    "zones-behind-the-image": "it does not ask where zones begin",
    "zones-from-two-to-the-63": "it does not ask where zones begin",
    "zones-reserved-beyond-all": "it does not ask how many blocks are reserved",
}
REALTIME_FLAG = 1
# Fields of the superblock.
RBLOCKS, REXTENTS, ROOTINO, RBMINO, REXTSIZE, RBMBLOCKS, REXTSLOG, UQUOTINO = (
    16, 24, 56, 64, 80, 92, 125, 160)
RGCOUNT, RGEXTENTS, RGBLKLOG, RTSTART, RTRESERVED = 272, 276, 280, 288, 296
DQUOT, DQUOT_ID, DQUOT_CRC = 136, 4, 108
KEY = 40
OPENING = ("info", "log", "ls", "stat", "cat", "readlink", "xattr", "bmap")


# The tree of metadata files ------------------------------------------------------------------

def change_metadata_entry(image, directory, name, target):
    """Lets a name in the tree of metadata files lead to another inode."""
    number = metadata_number(image.base, directory)
    at, _ = metadata_entry(image, number, name)
    if image.inode(number) <= at < image.inode(number) + image.inode_size:
        image.change_inode(number, {at - image.inode(number): u32(target)})
        return
    block = at - at % image.block
    image.change(block, image.block, DATA_CRC, {at - block: u64(target)})


@case(base="rtgroups", path="/rt/shared", bmap=r"realtime group is not there: 1.refcount")
def metadata_directory_below_itself(image):
    """The directory of the realtime groups is the root of the metadata files, which holds it."""
    change_metadata_entry(image, "", "rtgroups", metadata_number(image.base, ""))


@case(base="rtgroups", path="/rt/shared", bmap=r"inode at .*field metatype: found 0, expected 8")
def tree_of_a_group_is_a_file(image):
    """The tree of shared blocks of a realtime group is a file of a user."""
    change_metadata_entry(image, "rtgroups", "1.refcount", number_of(image, "/rt/one"))


@case(base="rtgroups", path="/rt/shared", bmap=r"inode at .*field projid_lo: found 2, expected 1")
def tree_of_a_group_is_of_another(image):
    """Two realtime groups have each other's trees of shared blocks."""
    one, two = (metadata_number(image.base, "rtgroups/%d.refcount" % i) for i in (1, 2))
    change_metadata_entry(image, "rtgroups", "1.refcount", two)
    change_metadata_entry(image, "rtgroups", "2.refcount", one)


@case(base="rtgroups", ls=r"inode at .*field flags2", stat=r"inode at .*field flags2",
      extract=r"inode at .*field flags2")
def root_directory_is_metadata(image):
    """The root directory is that of the metadata files."""
    image.change(0, 512, 224, {ROOTINO: u64(metadata_number(image.base, ""))})


@case(base="rtgroups", path="/rt/one", cat=r"inode at .*field flags2", stat=r"field flags2",
      extract=r"field flags2")
def file_of_a_user_is_metadata(image):
    """A name of a user leads to the bitmap of a realtime group."""
    block = image.mappings(number_of(image, "/rt"))[0][1]
    data = image.read(image.fsblock(block), image.block)
    at = data.index(b"\3one") - 8
    image.change_block(block, DATA_CRC, {at: u64(metadata_number(image.base, "rtgroups/0.bitmap"))})


@case(base="rtgroups", path="/rt/one", ls=r"inode at .*field flags2", extract=r"field flags2")
def directory_of_a_user_is_metadata(image):
    """A name of a user leads to the directory of the realtime groups."""
    block = image.mappings(number_of(image, "/rt"))[0][1]
    data = image.read(image.fsblock(block), image.block)
    at = data.index(b"\3one")
    image.change_block(block, DATA_CRC, {at - 8: u64(metadata_number(image.base, "rtgroups")),
                                         at + 4: b"\2"})


# Trees of realtime groups --------------------------------------------------------------------

def tree_root(image, name):
    """Of the tree of a realtime group: its inode, where in it the pointers lie, and these."""
    number = metadata_number(image.base, "rtgroups/" + name)
    core = image.read(image.inode(number), image.inode_size)
    level, count = struct.unpack_from(">HH", core, CORE)
    assert level > 0
    # Either has room for two keys to a pointer.
    key, entry = (KEY, KEY + 8) if name.endswith("rmap") else (4, 16)
    at = CORE + 4 + (core[FORKOFF] * 8 - 4) // entry * key
    return number, at, struct.unpack_from(">%dQ" % count, core, at)


RMAP = METADATA + "rtgroups/0.rmap"


@case(base="rtgroups", path=RMAP, stat=r"inode at .*field level: found 65535",
      inspect_inode=r"inode at .*field level", find_owner_scan=r"inode at .*field level")
def reverse_mappings_of_65535_levels(image):
    """The root of the reverse mappings of a realtime group claims to be 65535 levels high."""
    image.change_inode(tree_root(image, "0.rmap")[0], {CORE: u16(65535)})


@case(base="rtgroups", path=RMAP, find_owner_scan=r"rtrmapbt block at .*field level: found 1, exp")
def reverse_mappings_of_a_level_too_many(image):
    """The root of the reverse mappings of a realtime group claims to be a level higher."""
    image.change_inode(tree_root(image, "0.rmap")[0], {CORE: u16(3)})


@case(base="rtgroups", path=RMAP, stat=r"inode at .*field numrecs: found 65535",
      inspect_inode=r"inode at .*field numrecs", find_owner_scan=r"inode at .*field numrecs")
def reverse_mappings_that_do_not_fit(image):
    """The root of the reverse mappings of a realtime group claims 65535 children."""
    image.change_inode(tree_root(image, "0.rmap")[0], {CORE + 2: u16(65535)})


@case(base="rtgroups", path=RMAP, find_owner_scan=r"rtrmapbt block at .*field ptrs")
def reverse_mappings_below_themselves(image):
    """A node of the reverse mappings of a realtime group is its own child."""
    _, _, (node,) = tree_root(image, "0.rmap")
    at = LONG_BLOCK + (image.block - LONG_BLOCK) // (KEY + 8) * KEY
    image.change_block(node, LONG_CRC, {at: u64(node)})


@case(base="rtgroups", path=RMAP, find_owner_scan=r"rtrmapbt block at .*field owner")
def reverse_mappings_of_another_group(image):
    """A node of the reverse mappings of a realtime group leads to a leaf of another group's."""
    _, _, (node,) = tree_root(image, "0.rmap")
    _, _, leaves = tree_root(image, "1.rmap")
    at = LONG_BLOCK + (image.block - LONG_BLOCK) // (KEY + 8) * KEY
    image.change_block(node, LONG_CRC, {at: u64(leaves[0])})


@case(base="rtgroups", path="/rt/shared", bmap=r"rtrefcountbt block at .*field startblock")
def shared_blocks_over_each_other(image):
    """Two records of the blocks that files share in a realtime group overlap."""
    _, _, (leaf,) = tree_root(image, "1.refcount")
    image.change_block(leaf, LONG_CRC, {LONG_BLOCK + 4: u32(1000)})


@case(base="trees", path="/trees/shared", bmap=r"refcountbt block at .*field startblock")
def shared_blocks_over_the_next_leaf(image):
    """The last of the records of a leaf reaches over all that the next one has."""
    root, = struct.unpack(">I", image.read(image.header(0, 1) + 88, 4))
    pointers = SHORT_BLOCK + (image.block - SHORT_BLOCK) // 8 * 4
    leaf, = struct.unpack(">I", image.read(image.fsblock(root) + pointers, 4))
    count, = struct.unpack(">H", image.read(image.fsblock(leaf) + 6, 2))
    image.change_block(leaf, SHORT_CRC, {SHORT_BLOCK + 12 * (count - 1) + 4: u32(10000)})


# Files with realtime blocks ------------------------------------------------------------------

def add_mapping(name, what, base, path, start):
    """A file whose first mapping begins at the block `start(image)`."""
    def spoil(image):
        number = number_of(image, path)
        offset, _, length = image.mappings(number)[0]
        image.change_inode(number, {CORE: mapping(offset, start(image), length)})
    spoil.__name__, spoil.__doc__ = name, what
    words = r"bmbt_rec at .*field startblock"
    case(base=base, path=path, cat=words, bmap=words, extract=words)(spoil)


add_mapping("realtime_file_past_all_groups", "A file begins behind the last realtime group.",
            "rtgroups", "/rt/one", lambda image: 4 << 12)
add_mapping("realtime_file_over_a_group", "A file begins in a realtime group's last block and goes "
            "on.", "rtgroups", "/rt/one", lambda image: (2 << 12) - 1)
add_mapping("realtime_file_over_the_superblock", "A file lies over the superblock of the realtime "
            "device.", "rtgroups", "/rt/one", lambda image: 0)
add_mapping("realtime_file_at_the_end_of_all", "A file begins in the last block that a mapping can "
            "name.", "rtgroups", "/rt/one", lambda image: (1 << 52) - 1)
add_mapping("realtime_file_past_the_device", "A file begins behind the end of the realtime device.",
            "realtime", "/rt/one", lambda image: 65535)
add_mapping("file_past_all_zones", "A file lies behind the last zone.",
            "zoned", "/rt/zone-4", lambda image: 16 << 11)


@case(base="rtgroups", path="/rt", ls=r"inode at .*field flags", stat=r"field flags",
      bmap=r"inode at .*field flags", inspect_inode=r"field flags")
def directory_of_the_realtime_device(image):
    """The blocks of a directory are of the realtime device, by its flag."""
    number = number_of(image, "/rt")
    flags, = struct.unpack(">H", image.read(image.inode(number) + FLAGS, 2))
    image.change_inode(number, {FLAGS: u16(flags | REALTIME_FLAG),
                                CORE: mapping(0, (3 << 12) + 4000, 1)})


@case(base="rtgroups", path=METADATA + "rtgroups/0.bitmap", stat=r"inode at .*field flags",
      inspect_inode=r"inode at .*field flags")
def bitmap_of_the_realtime_device(image):
    """The bitmap of a realtime group is one of the files that have their blocks there."""
    number = metadata_number(image.base, "rtgroups/0.bitmap")
    flags, = struct.unpack(">H", image.read(image.inode(number) + FLAGS, 2))
    image.change_inode(number, {FLAGS: u16(flags | REALTIME_FLAG)})


@case(base="rtgroups", path="/rt/one", cat=r"field nblocks|startblock: .*overlap")
def realtime_file_of_the_same_blocks(image):
    """A file with 2^62 blocks has the same seven for each of its mappings."""
    number = number_of(image, "/rt/one")
    _, start, _ = image.mappings(number)[0]
    image.change_inode(number, {LARGE_COUNT: u64(6), SIZE: u64(6 * 7 * image.block),
                                BLOCKS: u64(1 << 62),
                                CORE: b"".join(mapping(7 * i, start, 7) for i in range(6))})


# The superblock ------------------------------------------------------------------------------

def add_superblock(name, what, base, field, changes):
    def spoil(image):
        image.change(0, 512, 224, changes)
    spoil.__name__, spoil.__doc__ = name, what
    case(base=base, **{verb: r"sb at .*field " + field for verb in OPENING})(spoil)


ALL = 0xFFFFFFFF
add_superblock("realtime_groups_of_two_to_the_32",
               "The superblock counts 2^32 - 1 realtime groups.", "rtgroups",
               "rgcount: found 4294967295", {RGCOUNT: u32(ALL)})
add_superblock("extents_of_a_realtime_group", "A realtime group has 2^32 - 1 extents.",
               "rtgroups", "rgextents: found 4294967295", {RGEXTENTS: u32(ALL)})
add_superblock("realtime_groups_without_extents", "A realtime group has no extents.",
               "rtgroups", "rgextents: found 0", {RGEXTENTS: u32(0)})
add_superblock("realtime_groups_of_two_to_the_255", "A realtime group has 2^255 blocks.",
               "rtgroups", "rgblklog: found 255", {RGBLKLOG: b"\xff"})
add_superblock("realtime_extents_of_everything", "A realtime extent has 2^32 - 1 blocks.",
               "rtgroups", "rextsize: found 4294967295", {REXTSIZE: u32(ALL)})
add_superblock("realtime_extents_of_nothing", "A realtime extent has no blocks.",
               "realtime", "rextsize: found 0", {REXTSIZE: u32(0)})
add_superblock("realtime_section_of_two_to_the_63", "The realtime section has 2^63 blocks.",
               "realtime", "rblocks: found 9223372036854775808",
               {RBLOCKS: u64(1 << 63), REXTENTS: u64((1 << 63) // 5), REXTSLOG: b"\x3c"})
add_superblock("realtime_bitmap_of_everything", "The bitmap of the realtime section has 2^32 - 1 "
               "blocks.", "realtime", "rbmblocks: found 4294967295", {RBMBLOCKS: u32(ALL)})
add_superblock("zones_from_two_to_the_63", "The zones begin at block 2^63.",
               "zoned", "rtstart: found 9223372036854775808", {RTSTART: u64(1 << 63)})
add_superblock("zones_among_the_data", "The zones begin among the blocks of the data.",
               "zoned", "rtstart: found 100", {RTSTART: u64(100)})
add_superblock("zones_reserved_beyond_all", "More blocks of zones are reserved than there are.",
               "zoned", "rtreserved: found", {RTRESERVED: u64(NO_BLOCK)})
add_superblock("zones_behind_the_image", "The image ends where the zones begin.",
               "zoned", "rblocks: found", {RTSTART: u64(49152)})


@case(base="realtime", path="/rt/one",
      **{verb: r"sb: field rblocks" for verb in OPENING if verb != "log"})
def realtime_device_cut_short(image):
    """The realtime device ends after 100 KiB."""
    os.truncate(image.realtime, 100 << 10)


def change_realtime_superblock(image, offset, data):
    with open(image.realtime, "r+b") as file:
        block = bytearray(file.read(image.block))
        block[offset:offset + len(data)] = data
        file.seek(0)
        file.write(stamped(block, DATA_CRC))


@case(base="rtgroups", path="/rt/one", inspect_rtsb=r"rtsb at .*field fname")
def label_that_commands_terminals(image):
    """The label of the realtime device holds what terminals obey, and is not the superblock's."""
    change_realtime_superblock(image, 12, b"\x1b[31m\x07\x9b\x1b[2J\0")


@case(base="rtgroups", path="/rt/one",
      **{verb: r"realtime device: rtsb at .*field uuid" for verb in OPENING if verb != "log"})
def realtime_device_of_another(image):
    """The realtime device is that of another filesystem."""
    change_realtime_superblock(image, 24, bytes(range(16)))


@case(base="realtime", fuzz_list=r"rtbitmap 2 is left out: the file has no such block")
def realtime_section_of_two_to_the_42(image):
    """The realtime section has 2^42 blocks, and its bitmap more than 2^27."""
    extents = 1 << 40
    bitmap = extents // (image.block * 8)
    image.change(0, 512, 224, {RBLOCKS: u64(5 * extents, extents), RBMBLOCKS: u32(bitmap),
                               REXTSLOG: bytes([40])})


# Bitmaps, summaries and quota ----------------------------------------------------------------

@case(base="realtime", path="inode:65", inspect_rtbitmap=r"the file has no such block",
      stat=r"inode at .*field size: found 9223372036854775808")
def bitmap_of_two_to_the_63(image):
    """The realtime bitmap has 2^63 bytes, and no blocks."""
    image.change_inode(65, {SIZE: u64(1 << 63), COUNT: u32(0), BLOCKS: u64(0)})


@case(base="realtime", inspect_rtbitmap=r"the file has no such block|no such file",
      inspect_rtsummary=r"the filesystem has no such file")
def bitmap_is_the_root_directory(image):
    """The realtime bitmap is the root directory, and the summary no inode."""
    image.change(0, 512, 224, {RBMINO: u64(image.root, NO_BLOCK)})


@case(base="rtgroups", path=METADATA + "rtgroups/0.bitmap", stat=r"inode at .*field projid_lo",
      inspect_inode=r"inode at .*field projid_lo")
def bitmap_of_no_group(image):
    """A bitmap is that of realtime group 65535, of which there are four."""
    image.change_inode(metadata_number(image.base, "rtgroups/0.bitmap"), {PROJECT: u16(65535)})


def quota_block(image, index=0):
    return image.mappings(131)[index][1]


def change_dquot(image, id_, changes):
    """Changes the record of an id in the first block of the file of users."""
    at = image.fsblock(quota_block(image)) + DQUOT * id_
    image.change(at, DQUOT, DQUOT_CRC, changes)


@case(base="quota", path="inode:131",
      inspect_dquot_user=r"dquot block at .*field id: found 1000, expected 0")
def dquots_out_of_place(image):
    """The first record of the users is that of user 1000."""
    change_dquot(image, 0, {DQUOT_ID: u32(1000)})


@case(base="quota", path="inode:131", inspect_dquot_user=r"field type")
def dquot_of_a_group(image):
    """The first record of the users is that of a group."""
    change_dquot(image, 0, {3: b"\4"})


@case(base="quota", path="inode:131",
      inspect_dquot_last=r"dquot block at .*field id: found 15, expected 4294967295")
def quota_of_two_to_the_54_blocks(image):
    """The file of users has its first block again at the end of all offsets, and at that of all
    ids."""
    start = quota_block(image)
    last = ALL // (image.block // DQUOT)
    records = [mapping(0, start, 1), mapping(last, start, 1), mapping((1 << 54) - 1, start, 1)]
    large = image.read(image.inode(131) + FLAGS2 + 7, 1)[0] & NREXT64
    count = {LARGE_COUNT: u64(3)} if large else {COUNT: u32(3)}
    image.change_inode(131, {CORE: b"".join(records), SIZE: u64((1 << 63) - 1), **count})


@case(base="quota", inspect_dquot_user=r"the file has no such block|no such file")
def quota_is_the_root_directory(image):
    """The file of users is the root directory."""
    image.change(0, 512, 224, {UQUOTINO: u64(image.root)})


@case(base="rtgroups", inspect_dquot_user=r"no such file")
def quota_directory_is_its_parent(image):
    """The directory of quota files is the root of the metadata files."""
    change_metadata_entry(image, "", "quota", metadata_number(image.base, ""))
